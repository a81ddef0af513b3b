/* tally init and tally keys as their users run them, beside the openssl program: encrypted files. */
#include "process.h"

#include "host/disk.h"

enum { PATIENCE_MS = 30000, COMMAND_SIZE = 1500, OUTPUT_MAX = 1 << 20 };

struct world {
	const char *program;
	char folder[64];
	struct buffer said;           /* by the last command, both streams; ends with 0 */
};

/* A line for the shell, where T is the program and D the folder. */
static int run(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

static int run(struct world *world, const char *format, ...)
{
	char line[COMMAND_SIZE], whole[COMMAND_SIZE + 300];
	struct fault fault;
	va_list list;
	va_start(list, format);
	vsnprintf(line, sizeof line, format, list);
	va_end(list);
	snprintf(whole, sizeof whole, "T=%s; D=%s; exec </dev/null >$D/said 2>&1; %s", world->program, world->folder, line);
	int how = system(whole);
	snprintf(whole, sizeof whole, "%s/said", world->folder);
	buffer_clear(&world->said);
	assert_int_equal(disk_read(whole, OUTPUT_MAX, &world->said, &fault), OK);
	buffer_append_byte(&world->said, 0);
	assert_true(WIFEXITED(how));
	return WEXITSTATUS(how);
}

static void says(const struct world *world, const char *what)
{
	if (!strstr((const char *)world->said.data, what))
		fail_msg("\"%s\" is not in: %s", what, (const char *)world->said.data);
}

static void good(struct world *world, int code)
{
	if (code != 0)
		fail_msg("%d: %s", code, (const char *)world->said.data);
}

static int world_open(void **state)
{
	struct world *world = memory_new(sizeof *world);
	*world = (struct world){.program = getenv("TALLY_PROGRAM"), .folder = "/tmp/tally-test-keys-command-XXXXXX"};
	if (!world->program || !mkdtemp(world->folder)) {
		fprintf(stderr, "TALLY_PROGRAM does not name the program to test, or there is no /tmp\n");
		return 1;
	}
	good(world, run(world, "umask 077; echo 'correct horse battery' >$D/word; echo 'wrong horse battery' >$D/other"));
	*state = world;
	return 0;
}

static int world_close(void **state)
{
	struct world *world = *state;
	int code = folder_remove(world->folder);
	buffer_free(&world->said);
	free(world);
	return code;
}

static void keys_are_encrypted_shown_and_decrypted(void **state)
{
	struct world *world = *state;
	good(world, run(world, "$T init org --folder $D/maker --id org:maker --address 127.0.0.1:7991"));
	says(world, "the keys are not encrypted; `tally keys encrypt");
	good(world, run(world, "cp -rp $D/maker $D/before && $T keys show $D/maker | tee $D/plain"));
	says(world, "node.key             0600  ML-DSA-44  not encrypted  ");
	good(world, run(world, "$T keys encrypt $D/maker --passphrase-file $D/word"));
	good(world, run(world, "! grep -l tally-key-v1 $D/maker/keys/*.key"));
	good(world, run(world, "$T keys show $D/maker"));
	says(world, "node.key             0600  ML-DSA-44  scrypt N=16384 r=8 p=5, aes-256-cbc\n");
	/* With the passphrase the same public keys as before; with another one, or no way to ask, none. */
	good(world, run(world, "$T keys show --passphrase-file $D/word $D/maker | sed 's/.* //' >$D/a; sed 's/.* //' $D/plain >$D/b; cmp $D/a $D/b && test -s $D/a"));
	assert_int_equal(run(world, "$T keys show --passphrase-file $D/other $D/maker"), 1);
	says(world, "the passphrase is another one");
	assert_int_equal(run(world, "$T keys decrypt $D/maker"), 1);
	says(world, "there is no terminal to ask");
	/* openssl opens what we wrote, and knows what it is. */
	good(world, run(world, "openssl pkey -in $D/maker/keys/node.key -passin file:$D/word -noout -text | head -1"));
	says(world, "ML-DSA-44 Private-Key");
	assert_int_not_equal(run(world, "openssl pkey -in $D/maker/keys/node.key -passin file:$D/other -noout"), 0);
	/* And we open what openssl wrote: the same key under PBKDF2 and another cipher. */
	good(world, run(world, "umask 077; openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA256 -in $D/maker/keys/node.key -passin file:$D/word "
			       "-passout 'pass:correct horse battery' -out $D/again && cp $D/again $D/maker/keys/node.key"));
	good(world, run(world, "$T keys decrypt $D/maker --key-command \"cat $D/word\""));
	good(world, run(world, "for i in record node checkpoint tls; do cmp $D/before/keys/$i.key $D/maker/keys/$i.key || exit 1; done"));
	assert_int_equal(run(world, "chmod 640 $D/maker/keys/tls.key; $T keys show $D/maker"), 1);
	says(world, "run: chmod 600 ");
	assert_int_equal(run(world, "chmod 600 $D/maker/keys/tls.key; chmod 755 $D/maker/keys; $T keys show $D/maker"), 1);
	says(world, "run: chmod 700 ");
	good(world, run(world, "chmod 700 $D/maker/keys"));
	assert_int_equal(run(world, "$T keys polish $D/maker"), 2);
	assert_int_equal(run(world, "$T keys show $D/nowhere"), 1);
}

/* Does a daemon with these settings come so far that its log says `what`? */
static bool daemon_says(struct world *world, const char *kind, const char *folder, const char *what)
{
	char config[100];
	const char *log = in(world->folder, "daemon.log");
	struct buffer text = {0};
	struct fault fault;
	bool said = false;
	snprintf(config, sizeof config, "%s/%s.ini", folder, kind);
	unlink(log);
	pid_t child = START(log, world->program, kind, "--config", in(world->folder, config));
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !said; usleep(20000)) {
		buffer_clear(&text);
		if (disk_read(log, OUTPUT_MAX, &text, &fault) == OK) {
			buffer_append_byte(&text, 0);
			said = strstr((char *)text.data, what);
		}
	}
	if (!said)
		fprintf(stderr, "%s\n", text.data ? (char *)text.data : "nothing was said");
	assert_null(text.data ? strstr((char *)text.data, "horse") : NULL);
	process_stop(&child, SIGKILL);
	buffer_free(&text);
	return said;
}

static void daemons_start_with_encrypted_keys(void **state)
{
	struct world *world = *state;
	good(world, run(world, "$T init genesis --name test --out $D/maker/genesis.cbor $D/maker/org.cose && $T keys encrypt $D/maker --passphrase-file $D/word"));
	good(world, run(world, "sed -i 's/^listen = 127.0.0.1:.*/listen = 127.0.0.1:0/' $D/maker/node.ini; cp $D/maker/node.ini $D/node.ini"));
	assert_true(daemon_says(world, "node", "maker", "there is no terminal to ask"));
	good(world, run(world, "(cat $D/node.ini; echo '[keys]'; echo 'passphrase_file = ../word') >$D/maker/node.ini"));
	assert_true(daemon_says(world, "node", "maker", "event=node_started"));
	good(world, run(world, "(cat $D/node.ini; echo '[keys]'; echo 'command = cat %s/word') >$D/maker/node.ini", world->folder));
	assert_true(daemon_says(world, "node", "maker", "event=node_started"));
	good(world, run(world, "(cat $D/node.ini; echo '[keys]'; echo 'command = false') >$D/maker/node.ini"));
	assert_true(daemon_says(world, "node", "maker", "the key command \"false\" failed (exit code 1)"));
	good(world, run(world, "$T init gateway --folder $D/hall --id gw:maker/hall --site a/b/c --genesis ../maker/genesis.cbor --http 127.0.0.1:0"));
	good(world, run(world, "$T keys encrypt $D/hall --passphrase-file $D/word && (echo '[keys]'; echo 'passphrase_file = ../word') >>$D/hall/gateway.ini"));
	says(world, "provisioning.secret  encrypted");
	assert_true(daemon_says(world, "gateway", "hall", "event=gateway_runs"));
}

static void a_root_certifies_the_keys_and_openssl_agrees(void **state)
{
	struct world *world = *state;
	good(world, run(world, "$T init org --folder $D/rooted --id org:rooted --root slh-dsa --address 127.0.0.1:7992"));
	good(world, run(world, "$T keys check $D/rooted"));
	says(world, "org:rooted has the root ");
	/* The digest that the statement names is the one that openssl finds. */
	good(world, run(world, "d=$(openssl x509 -in $D/rooted/certificates/root.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64); "
			       "$T keys check $D/rooted | grep \"has the root $d\""));
	good(world, run(world, "cd $D/rooted/certificates && openssl verify -x509_strict -CAfile root.pem record.pem node.pem checkpoint.pem tls.pem"));
	says(world, "tls.pem: OK");
	good(world, run(world, "openssl x509 -in $D/rooted/certificates/tls.pem -noout -text | grep 'Algorithm: '"));
	says(world, "Signature Algorithm: SLH-DSA-SHA2-128s");
	says(world, "Public Key Algorithm: ML-DSA-44");
	/* Both refuse the certificate of another root with the same name. */
	good(world, run(world, "$T init org --folder $D/twin --id org:rooted --root slh-dsa --address 127.0.0.1:7992 && cp $D/rooted/certificates/tls.pem $D/kept && "
			       "cp $D/twin/certificates/tls.pem $D/rooted/certificates/"));
	assert_int_not_equal(run(world, "cd $D/rooted/certificates && openssl verify -x509_strict -CAfile root.pem tls.pem"), 0);
	assert_int_equal(run(world, "$T keys check $D/rooted"), 1);
	says(world, "certificates/tls.pem: its certificate was not issued by its root");
	assert_int_equal(run(world, "cp $D/rooted/certificates/node.pem $D/rooted/certificates/tls.pem; $T keys check $D/rooted"), 1);
	says(world, "OU = node and not for CN = org:rooted, OU = tls");
	assert_int_equal(run(world, "$T keys check $D/maker"), 1);
	says(world, "names no root");
	/* A node whose genesis names a root does not start without its certificate, and does with it. */
	good(world, run(world, "$T init genesis --name test --out $D/rooted/genesis.cbor $D/rooted/org.cose && "
			       "sed -i 's/^listen = 127.0.0.1:.*/listen = 127.0.0.1:0/' $D/rooted/node.ini"));
	assert_true(daemon_says(world, "node", "rooted", "the genesis names a root, and "));
	good(world, run(world, "cp $D/kept $D/rooted/certificates/tls.pem && $T keys check $D/rooted"));
	assert_true(daemon_says(world, "node", "rooted", "event=node_started"));
	good(world, run(world, "$T keys encrypt $D/rooted --passphrase-file $D/word && openssl pkey -in $D/rooted/keys/root.key -passin file:$D/word -noout -text | head -1"));
	says(world, "SLH-DSA-SHA2-128s Private-Key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_encrypted_shown_and_decrypted),
		cmocka_unit_test(daemons_start_with_encrypted_keys),
		cmocka_unit_test(a_root_certifies_the_keys_and_openssl_agrees),
	};
	return cmocka_run_group_tests_name("keys_command", tests, world_open, world_close);
}
