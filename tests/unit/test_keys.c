/* Key files at rest, and where their passphrases come from. */
#include "crypto/hash.h"
#include "host/disk.h"
#include "host/key_file.h"
#include "host/keys.h"
#include "host/loop.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char word[] = "correct horse battery";

struct room {
	char folder[64], key[100], word[100];
	struct signing_key *made;
	struct fault fault;
};

static void put(struct room *room, const char *path, const char *text)
{
	assert_int_equal(disk_write(path, span_of_text(text), 0600, &room->fault), OK);
}

static int room_open(void **state)
{
	struct room *room = memory_new(sizeof *room);
	*room = (struct room){.folder = "/tmp/tally-test-keys-XXXXXX"};
	assert_non_null(mkdtemp(room->folder));
	snprintf(room->key, sizeof room->key, "%s/node.key", room->folder);
	snprintf(room->word, sizeof room->word, "%s/word", room->folder);
	put(room, room->word, "correct horse battery\n");
	assert_int_equal(signing_key_generate(&room->made), OK);
	*state = room;
	return 0;
}

static int room_close(void **state)
{
	struct room *room = *state;
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", room->folder);
	signing_key_free(room->made);
	free(room);
	return system(command);
}

static enum status open_with(struct room *room, const char *file, const char *command, struct signing_key **out)
{
	struct passphrase *passphrase = passphrase_new(file, command);
	enum status status = keys_open(room->key, passphrase, out, &room->fault);
	passphrase_free(passphrase);
	return status;
}

static void save_encrypted(struct room *room)
{
	struct passphrase *passphrase = passphrase_new(room->word, NULL);
	if (keys_save(room->key, room->made, passphrase, &room->fault) != OK)
		fail_msg("%s", room->fault.text);
	passphrase_free(passphrase);
}

static void is_the_same(const struct room *room, struct signing_key *key)
{
	assert_memory_equal(signing_key_seed(key), signing_key_seed(room->made), ML_DSA_44_SEED);
	assert_memory_equal(signing_key_public(key), signing_key_public(room->made), sizeof(struct public_key));
	signing_key_free(key);
}

/* Are these bytes anywhere in the file, raw or in base64? */
static bool file_holds(struct room *room, const char *path, struct span secret)
{
	struct buffer text = {0};
	assert_int_equal(disk_read(path, KEY_FILE_MAX, &text, &room->fault), OK);
	bool found = memmem(text.data, text.size, secret.data, secret.size) != NULL;
	buffer_free(&text);
	return found;
}

static void an_encrypted_key_opens_with_its_passphrase_only(void **state)
{
	struct room *room = *state;
	struct signing_key *key = NULL;
	struct stat facts;
	char form[100], other[100];
	struct buffer text = {0};
	save_encrypted(room);
	assert_int_equal(stat(room->key, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	assert_int_equal(disk_read(room->key, KEY_FILE_MAX, &text, &room->fault), OK);
	assert_int_equal(key_file_describe(buffer_span(&text), form, sizeof form), OK);
	assert_string_equal(form, "scrypt N=16384 r=8 p=5, aes-256-cbc");
	assert_int_equal(open_with(room, room->word, NULL, &key), OK);
	is_the_same(room, key);
	snprintf(other, sizeof other, "%s/other", room->folder);
	put(room, other, "correct horse batterz\n");
	assert_int_equal(open_with(room, other, NULL, &key), E_SIGNATURE);
	assert_non_null(strstr(room->fault.text, "the passphrase is another one"));
	/* The seed is not in there, neither as it is nor under another salt the same. */
	assert_false(file_holds(room, room->key, span_of(signing_key_seed(room->made), 16)));
	save_encrypted(room);
	assert_false(file_holds(room, room->key, span_of(text.data + 200, 60)));
	buffer_free(&text);
}

static void damage_is_told(void **state)
{
	struct room *room = *state;
	struct signing_key *key = NULL;
	struct buffer text = {0};
	save_encrypted(room);
	assert_int_equal(disk_read(room->key, KEY_FILE_MAX, &text, &room->fault), OK);
	for (size_t size = 0; size + 30 < text.size; size += 97) {
		assert_int_equal(disk_write(room->key, span_of(text.data, size), 0600, &room->fault), OK);
		assert_int_equal(open_with(room, room->word, NULL, &key), E_MALFORMED);
		assert_non_null(strstr(room->fault.text, "Restore it from a copy"));
	}
	buffer_free(&text);
}

static void files_and_folders_that_others_read_are_refused(void **state)
{
	struct room *room = *state;
	struct signing_key *key = NULL;
	save_encrypted(room);
	assert_int_equal(chmod(room->key, 0604), 0);
	assert_int_equal(open_with(room, room->word, NULL, &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "chmod 600 "));
	assert_int_equal(chmod(room->key, 0600), 0);
	assert_int_equal(chmod(room->word, 0640), 0);
	assert_int_equal(open_with(room, room->word, NULL, &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "chmod 600 "));
	assert_int_equal(chmod(room->word, 0600), 0);
	assert_int_equal(chmod(room->folder, 0750), 0);
	assert_int_equal(open_with(room, room->word, NULL, &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "chmod 700 "));
	assert_int_equal(chmod(room->folder, 0700), 0);
	assert_int_equal(open_with(room, room->word, NULL, &key), OK);
	is_the_same(room, key);
}

static void a_key_command_gives_the_passphrase(void **state)
{
	struct room *room = *state;
	struct signing_key *key = NULL;
	char command[200];
	save_encrypted(room);
	snprintf(command, sizeof command, "  cat   %s", room->word);
	assert_int_equal(open_with(room, NULL, command, &key), OK);
	is_the_same(room, key);
	/* No shell: the words are words. */
	snprintf(command, sizeof command, "cat %s ; true", room->word);
	assert_int_equal(open_with(room, NULL, command, &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "failed (exit code 1)"));
	assert_int_equal(open_with(room, NULL, "/nowhere/program", &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "no such program"));
	assert_int_equal(open_with(room, NULL, "true", &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "gives no passphrase"));
	assert_int_equal(open_with(room, NULL, "  ", &key), E_CONFIG);
	assert_int_equal(open_with(room, NULL, "head -c 100000 /dev/zero", &key), E_CONFIG);
	assert_int_equal(open_with(room, room->word, "true", &key), E_CONFIG);
	assert_null(strstr(room->fault.text, word));
}

static void a_key_command_that_hangs_is_ended(void **state)
{
	struct room *room = *state;
	struct signing_key *key = NULL;
	save_encrypted(room);
	assert_int_equal(open_with(room, NULL, "sleep 1000", &key), E_CONFIG);
	assert_non_null(strstr(room->fault.text, "took longer than"));
}

static void short_passphrases_are_not_set(void **state)
{
	struct room *room = *state;
	struct passphrase *passphrase;
	put(room, room->word, "seven77\n");
	passphrase = passphrase_new(room->word, NULL);
	assert_int_equal(keys_save(room->key, room->made, passphrase, &room->fault), E_CONFIG);
	assert_int_equal(access(room->key, F_OK), -1);
	passphrase_free(passphrase);
}

/* Standard input is a file or nothing: nobody is asked, and the sentence says what to do. */
static void without_a_terminal_nobody_is_asked(void **state)
{
	struct room *room = *state;
	save_encrypted(room);
	pid_t child = fork();
	if (child == 0) {
		struct signing_key *key = NULL;
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		_exit(keys_load(room->key, true, &key, &room->fault) == E_CONFIG && strstr(room->fault.text, "there is no terminal") ? 0 : 1);
	}
	int how;
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_int_equal(how, 0);
}

static void a_terminal_is_asked_and_does_not_echo(void **state)
{
	struct room *room = *state;
	int terminal, how;
	save_encrypted(room);
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(child >= 0);
	if (child == 0) {
		struct signing_key *key = NULL;
		alarm(30);
		enum status status = keys_load(room->key, false, &key, &room->fault);
		_exit(status == OK && memcmp(signing_key_seed(key), signing_key_seed(room->made), ML_DSA_44_SEED) == 0 ? 0 : 1);
	}
	char said[600] = "", line[64];
	size_t size = 0;
	bool answered = false;
	for (ssize_t got; size < sizeof said - 1 && (got = read(terminal, said + size, sizeof said - 1 - size)) > 0;) {
		size += (size_t)got;
		said[size] = 0;
		if (!answered && strstr(said, "Passphrase for")) {
			usleep(50000);
			int length = snprintf(line, sizeof line, "%s\n", word);
			assert_int_equal(write(terminal, line, (size_t)length), length);
			answered = true;
		}
	}
	assert_true(answered);
	assert_null(strstr(said, word));
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_int_equal(how, 0);
	close(terminal);
}

static void secrets_are_kept_in_the_same_way(void **state)
{
	struct room *room = *state;
	uint8_t secret[KEYS_SECRET_SIZE], again[KEYS_SECRET_SIZE];
	struct passphrase *passphrase = passphrase_new(room->word, NULL);
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(i * 7 + 1);
	assert_int_equal(keys_secret_save(room->key, secret, NULL, &room->fault), OK);
	assert_int_equal(keys_secret_open(room->key, NULL, again, &room->fault), OK);
	assert_memory_equal(secret, again, sizeof secret);
	assert_true(file_holds(room, room->key, span_of(secret, sizeof secret)));
	assert_int_equal(keys_secret_save(room->key, secret, passphrase, &room->fault), OK);
	memset(again, 0, sizeof again);
	assert_int_equal(keys_secret_open(room->key, passphrase, again, &room->fault), OK);
	assert_memory_equal(secret, again, sizeof secret);
	assert_false(file_holds(room, room->key, span_of(secret, sizeof secret)));
	/* A secret is no key pair. */
	struct signing_key *key = NULL;
	assert_int_equal(keys_open(room->key, passphrase, &key, &room->fault), E_MALFORMED);
	passphrase_free(passphrase);
}

int main(void)
{
#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, room_open, room_close)
	const struct CMUnitTest tests[] = {
		KEYS_TEST(an_encrypted_key_opens_with_its_passphrase_only),
		KEYS_TEST(damage_is_told),
		KEYS_TEST(files_and_folders_that_others_read_are_refused),
		KEYS_TEST(a_key_command_gives_the_passphrase),
		KEYS_TEST(a_key_command_that_hangs_is_ended),
		KEYS_TEST(short_passphrases_are_not_set),
		KEYS_TEST(without_a_terminal_nobody_is_asked),
		KEYS_TEST(a_terminal_is_asked_and_does_not_echo),
		KEYS_TEST(secrets_are_kept_in_the_same_way),
	};
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
