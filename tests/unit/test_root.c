/* Roots of organisations: what they certify, what is refused, and links between ends of which one has a root. */
#include "crypto/hash.h"
#include "host/certificate.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/root.h"
#include "host/wire.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PATIENCE_MS = 8000, REFUSED_MS = 700 };

/* Making a root takes seconds: one pair of them serves all tests. */
struct world {
	struct root *root, *other;    /* both of org:maker */
	struct digest digest;
	struct buffer pem, other_pem, leaf, other_leaf;
	struct signing_key *keys[2];
	struct fault fault;
	/* links */
	struct loop *loop;
	struct wire *wires[2];
	struct digest tls[2];
	bool demanded;                /* by the second end, of the first */
	struct digest demand;
	unsigned up;
	struct loop_timer *poll;
	int64_t give_up_ms;
};

static int world_open(void **state)
{
	struct world *world = memory_new(sizeof *world);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(signing_key_generate(&world->keys[i]), OK);
		world->tls[i] = keys_tls_digest(signing_key_public(world->keys[i]));
	}
	assert_int_equal(root_generate("org:maker", &world->root, &world->fault), OK);
	assert_int_equal(root_generate("org:maker", &world->other, &world->fault), OK);
	world->digest = root_digest(world->root);
	root_certificate(world->root, &world->pem);
	root_certificate(world->other, &world->other_pem);
	assert_int_equal(root_issue(world->root, ROOT_TLS, signing_key_public(world->keys[0]), &world->leaf, &world->fault), OK);
	assert_int_equal(root_issue(world->other, ROOT_TLS, signing_key_public(world->keys[0]), &world->other_leaf, &world->fault), OK);
	*state = world;
	return 0;
}

static int world_close(void **state)
{
	struct world *world = *state;
	root_free(world->root);
	root_free(world->other);
	for (int i = 0; i < 2; i++)
		signing_key_free(world->keys[i]);
	buffer_free(&world->pem);
	buffer_free(&world->other_pem);
	buffer_free(&world->leaf);
	buffer_free(&world->other_leaf);
	free(world);
	return 0;
}

static enum status check(struct world *world, struct span root, struct span leaf)
{
	struct digest key;
	enum status status = root_check(root, leaf, &world->digest, "org:maker", ROOT_TLS, &key, &world->fault);
	if (status == OK)
		assert_true(digest_equal(&key, &world->tls[0]));
	return status;
}

static void a_root_certifies_its_keys_and_no_others(void **state)
{
	struct world *world = *state;
	struct digest key;
	assert_int_equal(check(world, buffer_span(&world->pem), buffer_span(&world->leaf)), OK);
	assert_int_equal(check(world, buffer_span(&world->pem), buffer_span(&world->other_leaf)), E_SIGNATURE);
	assert_non_null(strstr(world->fault.text, "was not issued by its root"));
	assert_int_equal(check(world, buffer_span(&world->other_pem), buffer_span(&world->other_leaf)), E_SIGNATURE);
	assert_non_null(strstr(world->fault.text, "another root than the one that the genesis names"));
	assert_int_equal(check(world, buffer_span(&world->pem), buffer_span(&world->pem)), E_SIGNATURE);
	assert_int_equal(root_check(buffer_span(&world->pem), buffer_span(&world->leaf), &world->digest, "org:maker", ROOT_NODE, &key, &world->fault), E_SIGNATURE);
	assert_non_null(strstr(world->fault.text, "OU = tls and not for CN = org:maker, OU = node"));
	assert_int_equal(root_check(buffer_span(&world->pem), buffer_span(&world->leaf), &world->digest, "org:other", ROOT_TLS, &key, &world->fault), E_SIGNATURE);
}

static void damaged_certificates_are_refused(void **state)
{
	struct world *world = *state;
	struct buffer bad = {0};
	size_t refused = 0, tried = 0;
	for (size_t at = 40; at + 60 < world->leaf.size; at += 1201) {
		buffer_clear(&bad);
		buffer_append_span(&bad, buffer_span(&world->leaf));
		if (bad.data[at] == '\n')
			at++;
		bad.data[at] = bad.data[at] == 'A' ? 'B' : 'A';
		tried++;
		refused += check(world, buffer_span(&world->pem), buffer_span(&bad)) != OK;
	}
	assert_int_equal(refused, tried);
	assert_true(tried > 8);
	for (size_t size = 0; size + 60 < world->leaf.size; size += 997)
		assert_int_equal(check(world, buffer_span(&world->pem), span_of(world->leaf.data, size)), E_MALFORMED);
	buffer_free(&bad);
}

/* An authority with another kind of key is no root, though the digest is right. */
static void a_root_is_hash_based(void **state)
{
	struct world *world = *state;
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-44");
	X509 *root = X509_new(), *leaf = root_pem_read(buffer_span(&world->leaf));
	X509V3_CTX context;
	X509_set_version(root, X509_VERSION_3);
	X509_set_pubkey(root, pair);
	X509_set_subject_name(root, X509_get_issuer_name(leaf));
	X509_set_issuer_name(root, X509_get_issuer_name(leaf));
	X509_gmtime_adj(X509_getm_notBefore(root), 0);
	X509_gmtime_adj(X509_getm_notAfter(root), 3600);
	X509V3_set_ctx(&context, root, root, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, "critical,CA:TRUE");
	assert_int_equal(X509_add_ext(root, extension, -1), 1);
	assert_true(X509_sign(root, pair, NULL) > 0);
	struct digest digest = root_certificate_digest(root);
	assert_int_equal(root_verify(root, leaf, &digest, &world->fault), E_SIGNATURE);
	assert_non_null(strstr(world->fault.text, "no certificate authority with an SLH-DSA-SHA2-128s key"));
	X509_EXTENSION_free(extension);
	X509_free(root);
	X509_free(leaf);
	EVP_PKEY_free(pair);
}

static void the_private_key_is_rewritten_as_the_same(void **state)
{
	struct world *world = *state;
	char folder[] = "/tmp/tally-test-root-XXXXXX", path[64], word[64], command[100];
	struct buffer plain = {0}, sealed = {0}, again = {0};
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/root.key", folder);
	snprintf(word, sizeof word, "%s/word", folder);
	assert_int_equal(disk_write(word, span_of_text("correct horse\n"), 0600, &world->fault), OK);
	struct passphrase *passphrase = passphrase_new(word, NULL);
	assert_int_equal(root_save(path, world->root, &world->fault), OK);
	assert_int_equal(disk_read(path, 1 << 16, &plain, &world->fault), OK);
	assert_int_equal(root_rewrite(path, passphrase, passphrase, &world->fault), OK);
	assert_int_equal(disk_read(path, 1 << 16, &sealed, &world->fault), OK);
	assert_int_equal(memcmp(sealed.data, "-----BEGIN ENCRYPTED PRIVATE KEY-----", 37), 0);
	assert_int_equal(root_rewrite(path, passphrase, NULL, &world->fault), OK);
	assert_int_equal(disk_read(path, 1 << 16, &again, &world->fault), OK);
	assert_true(span_equal(buffer_span(&plain), buffer_span(&again)));
	assert_int_equal(disk_write(path, buffer_span(&world->pem), 0600, &world->fault), OK);
	assert_int_equal(root_rewrite(path, passphrase, passphrase, &world->fault), E_MALFORMED);
	passphrase_free(passphrase);
	buffer_free(&plain);
	buffer_free(&sealed);
	buffer_free(&again);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* ---- links ---- */

static struct world *worlds[2];  /* the context says which end it is */

static bool on_identify(void *context, const struct digest *key, uint32_t *identity)
{
	struct world *world = *(struct world **)context;
	*identity = digest_equal(key, &world->tls[1]);
	return *identity || digest_equal(key, &world->tls[0]);
}

static bool on_root(void *context, uint32_t identity, struct digest *root_key)
{
	struct world *world = *(struct world **)context;
	*root_key = world->demand;
	return identity == 0 && world->demanded;
}

static void on_up(void *context, struct wire_link *link, uint32_t identity)
{
	(void)link;
	(void)identity;
	(*(struct world **)context)->up++;
}

static void on_down(void *context, struct wire_link *link, uint32_t identity)
{
	(void)link;
	(void)identity;
	(*(struct world **)context)->up--;
}

static void on_frame(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes)
{
	(void)context, (void)link, (void)identity, (void)kind, (void)bytes;
}

static void on_poll(void *context)
{
	struct world *world = context;
	if (world->up == 2 || clock_monotonic_ns() / NS_PER_MS > world->give_up_ms)
		loop_stop(world->loop);
	else
		loop_timer_set(world->poll, 2);
}

/* Do the two ends come together? leaf empty: the first end shows a self-signed certificate. from: who dials. */
static bool meet(struct world *world, const struct buffer *leaf, const struct buffer *pem, const struct digest *demand, int from)
{
	char address[40];
	world->loop = loop_new();
	world->up = 0;
	world->demanded = demand != NULL;
	world->demand = demand ? *demand : (struct digest){{0}};
	for (int i = 0; i < 2; i++) {
		worlds[i] = world;
		struct wire_callbacks callbacks = {.context = &worlds[i], .identify = on_identify, .root = on_root, .up = on_up, .down = on_down, .frame = on_frame};
		assert_int_equal(wire_new(world->loop, world->keys[i], &callbacks, &world->wires[i], &world->fault), OK);
	}
	if (leaf) {
		X509 *root = root_pem_read(buffer_span(pem));
		struct digest digest = root_certificate_digest(root);
		X509_free(root);
		assert_int_equal(wire_certify(world->wires[0], buffer_span(leaf), buffer_span(pem), &digest, &world->fault), OK);
	}
	assert_int_equal(wire_listen(world->wires[1 - from], "127.0.0.1:0", &world->fault), OK);
	snprintf(address, sizeof address, "127.0.0.1:%u", wire_port(world->wires[1 - from]));
	assert_int_equal(wire_dial(world->wires[from], address, &world->tls[1 - from], &world->fault), OK);
	world->poll = loop_timer_new(world->loop, on_poll, world);
	world->give_up_ms = clock_monotonic_ns() / NS_PER_MS + (demand && (!leaf || leaf != &world->leaf) ? REFUSED_MS : PATIENCE_MS);
	loop_timer_set(world->poll, 0);
	loop_run(world->loop);
	bool met = world->up == 2;
	for (int i = 0; i < 2; i++)
		wire_free(world->wires[i]);
	loop_timer_free(world->poll);
	loop_free(world->loop);
	return met;
}

static void a_demanded_root_must_have_certified_the_link(void **state)
{
	struct world *world = *state;
	for (int from = 0; from < 2; from++) {
		assert_true(meet(world, &world->leaf, &world->pem, &world->digest, from));
		assert_false(meet(world, &world->other_leaf, &world->other_pem, &world->digest, from));
		assert_false(meet(world, NULL, NULL, &world->digest, from));
		/* Where none is demanded, the pinned key is enough. */
		assert_true(meet(world, &world->leaf, &world->pem, NULL, from));
		assert_true(meet(world, NULL, NULL, NULL, from));
	}
}

static void only_a_fitting_certificate_is_taken(void **state)
{
	struct world *world = *state;
	struct wire_callbacks callbacks = {.context = &worlds[0], .identify = on_identify, .up = on_up, .down = on_down, .frame = on_frame};
	struct wire *wire;
	struct loop *loop = loop_new();
	assert_int_equal(wire_new(loop, world->keys[1], &callbacks, &wire, &world->fault), OK);
	assert_int_equal(wire_certify(wire, buffer_span(&world->leaf), buffer_span(&world->pem), &world->digest, &world->fault), E_CONFIG);
	assert_non_null(strstr(world->fault.text, "keys/tls.key"));
	assert_int_equal(wire_certify(wire, buffer_span(&world->other_leaf), buffer_span(&world->other_pem), &world->digest, &world->fault), E_CONFIG);
	assert_int_equal(wire_certify(wire, (struct span){0}, buffer_span(&world->pem), &world->digest, &world->fault), E_CONFIG);
	wire_free(wire);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_certifies_its_keys_and_no_others),
		cmocka_unit_test(damaged_certificates_are_refused),
		cmocka_unit_test(a_root_is_hash_based),
		cmocka_unit_test(the_private_key_is_rewritten_as_the_same),
		cmocka_unit_test(a_demanded_root_must_have_certified_the_link),
		cmocka_unit_test(only_a_fitting_certificate_is_taken),
	};
	return cmocka_run_group_tests_name("root", tests, world_open, world_close);
}
