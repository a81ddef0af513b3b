#include "base/random.h"
#include "crypto/hash.h"
#include "record/cose.h"
#include "record/receipt_check.h"

#include "sample_log.h"
#include "shared_vectors.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

static void assert_hex(struct digest digest, const char *expected)
{
	char text[DIGEST_HEX_SIZE];
	span_hex(span_of(digest.bytes, DIGEST_SIZE), text);
	assert_string_equal(text, expected);
}

/* -- the fixed vectors of the study `trust`, 2.6 ------------------------------------------------ */

static void the_fixed_receipt_comes_out(void **state)
{
	(void)state;
	uint8_t seed[ML_DSA_44_SEED];
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	struct signing_key *key = NULL;
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	struct merkle_tree tree = {0};
	for (char i = '0'; i < '3'; i++) {
		char text[] = {'l', 'e', 'a', 'f', '-', i};
		struct digest leaf = merkle_leaf(span_of(text, sizeof text));
		merkle_tree_append(&tree, &leaf);
	}
	struct digest root = merkle_tree_root(&tree, 3);
	struct receipt receipt = {.kind = RECEIPT_INCLUSION, .iss = span_of_text("https://ledger.example.org"),
		.sub = span_of_text("urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52"), .proofs = {{.first = 2, .size = 3}}, .proof_count = 1};
	assert_int_equal(merkle_tree_inclusion(&tree, 2, 3, &receipt.proofs[0].path), OK);
	struct buffer bytes = {0};
	assert_int_equal(receipt_sign(&receipt, &root, key, NULL, &bytes), OK);
	assert_int_equal(bytes.size, 2590);
	assert_hex(sha256(buffer_span(&bytes)), "6abd83e2a58e4af2f6c93197d56379861c83209965d8ef408960a8eaa0c05d5e");
	assert_int_equal(receipt_decode(buffer_span(&bytes), &receipt, NULL), OK);
	assert_int_equal(receipt.signed_protected.size, 115);
	assert_hex(receipt.kid, "043f891cb4855f4d87e0c87bf1fe38174b540b8b84ae6b3d6c99600b963544a1");
	merkle_tree_free(&tree);
	signing_key_free(key);
	buffer_free(&bytes);
}

/* -- receipts of the sample log ------------------------------------------------------------------- */

static struct receipt inclusion_of(const struct sample_world *world, uint64_t index, uint64_t size, char origin[CHECKPOINT_ORIGIN_SIZE])
{
	struct receipt receipt = {.kind = RECEIPT_INCLUSION, .iss = span_of_text(sample_names[2]), .proofs = {{.first = index, .size = size}}, .proof_count = 1};
	checkpoint_origin(world->consortium->genesis.network, origin);
	receipt.sub = span_of_text(origin);
	assert_int_equal(merkle_tree_inclusion(&world->log->tree, index, size, &receipt.proofs[0].path), OK);
	return receipt;
}

static const struct signing_key *key_of(const struct sample_world *world, size_t member)
{
	return world->consortium->keys[member][SAMPLE_CHECKPOINT_KEY];
}

static struct buffer inclusion_bytes(const struct sample_world *world, uint64_t index, uint64_t size)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct receipt receipt = inclusion_of(world, index, size, origin);
	struct digest root = merkle_tree_root(&world->log->tree, size);
	struct buffer bytes = {0};
	assert_int_equal(receipt_sign(&receipt, &root, key_of(world, 2), NULL, &bytes), OK);
	return bytes;
}

struct outcome {
	enum status status;
	struct buffer report;
	struct fault fault;
};

static struct outcome check(const struct sample_world *world, struct span receipt, struct span statement)
{
	struct outcome outcome = {0};
	outcome.status = receipt_check(receipt, statement, &world->consortium->trust, &outcome.report, &outcome.fault);
	buffer_append_byte(&outcome.report, 0);
	assert_true((outcome.status == OK) == (strstr((char *)outcome.report.data, "FAILED: ") == NULL));
	return outcome;
}

static void assert_says(const struct outcome *outcome, const char *text)
{
	if (!strstr((char *)outcome->report.data, text))
		fail_msg("it does not say \"%s\" but:\n%s", text, (char *)outcome->report.data);
}

static void assert_refused(const struct sample_world *world, struct span receipt, size_t entry, enum status expected, const char *text)
{
	struct outcome outcome = check(world, receipt, buffer_span(&world->log->entries[entry]));
	if (outcome.status != expected || !strstr(outcome.fault.text, text))
		fail_msg("%s instead of \"%s\": %s", status_name(outcome.status), text, outcome.fault.text);
	buffer_free(&outcome.report);
}

static void every_entry_has_a_receipt_at_every_size(void **state)
{
	const struct sample_world *world = *state;
	for (uint64_t size = 1; size <= LOG_END; size += 3)
		for (uint64_t index = 0; index < size; index++) {
			struct buffer bytes = inclusion_bytes(world, index, size);
			struct outcome outcome = check(world, buffer_span(&bytes), buffer_span(&world->log->entries[index]));
			assert_int_equal(outcome.status, OK);
			buffer_free(&outcome.report);
			/* And none for its neighbour. */
			assert_refused(world, buffer_span(&bytes), (index + 1) % LOG_END, E_SIGNATURE, size == 1 ? "signature of org:repair" : "receipt: ");
			buffer_free(&bytes);
		}
}

static void the_report_says_what_is_proven_and_by_whom(void **state)
{
	const struct sample_world *world = *state;
	struct buffer bytes = inclusion_bytes(world, LOG_DEVICE, LOG_END);
	struct outcome outcome = check(world, buffer_span(&bytes), buffer_span(&world->log->entries[LOG_DEVICE]));
	assert_says(&outcome, ", of type device\nok: statement: signed by org:manufacturer (manufacturer), who states the time of issue as 2026-01-01T00:00:20Z\n");
	assert_says(&outcome, "ok: statement: about dev:manufacturer/spindle-1 it says: machine, model spindle S9");
	assert_says(&outcome, "ok: receipt: issued by org:repair (repair) for the log tally/");
	assert_says(&outcome, "ok: receipt: the statement is at position 5 of the log of size 14, whose root ");
	assert_says(&outcome, "ok: this rests on the word of org:repair alone, one of 4 organisations");
	buffer_free(&outcome.report);
	buffer_free(&bytes);
	bytes = inclusion_bytes(world, LOG_DISTURBANCE, LOG_END);
	outcome = check(world, buffer_span(&bytes), buffer_span(&world->log->entries[LOG_DISTURBANCE]));
	assert_int_equal(outcome.status, OK);
	assert_says(&outcome, "ok: statement: it names gw:manufacturer/hall-1 as its issuer, whose key is registered on the log and not in the genesis: its "
		"signature was not checked here");
	buffer_free(&outcome.report);
	buffer_free(&bytes);
}

static void every_changed_byte_is_noticed(void **state)
{
	const struct sample_world *world = *state;
	struct buffer bytes = inclusion_bytes(world, LOG_DEVICE, LOG_END), statement = {0};
	struct random random = random_of(5);
	buffer_append_span(&statement, buffer_span(&world->log->entries[LOG_DEVICE]));
	for (size_t i = 0; i < bytes.size + statement.size; i++) {
		/* Of the signatures every eleventh byte. */
		uint8_t *byte = i < bytes.size ? &bytes.data[i] : &statement.data[i - bytes.size];
		bool head = i < 600 || (i >= bytes.size && i < bytes.size + 600);
		if (!head && i % 11)
			continue;
		uint8_t flip = (uint8_t)(1 + random_below(&random, 255));
		*byte ^= flip;
		struct outcome outcome = check(world, buffer_span(&bytes), buffer_span(&statement));
		if (outcome.status == OK)
			fail_msg("byte %zu xor %02x is not noticed", i, flip);
		buffer_free(&outcome.report);
		*byte ^= flip;
	}
	struct receipt receipt;
	for (size_t size = 0; size < bytes.size; size += size < 600 ? 1 : 97)
		assert_int_not_equal(receipt_decode(span_of(bytes.data, size), &receipt, NULL), OK);
	buffer_free(&bytes);
	buffer_free(&statement);
}

/* -- what is refused -------------------------------------------------------------------------------- */

/* A receipt whose header and proofs are as given, signed in due form by member 2. */
static struct buffer forged(const struct sample_world *world, struct span protected, struct span unprotected, const struct digest *payload, const struct digest *root)
{
	struct buffer input = {0}, bytes = {0};
	struct signature signature;
	cose_sign1_input(protected, span_of(root->bytes, DIGEST_SIZE), &input);
	assert_int_equal(signing_key_sign(key_of(world, 2), buffer_span(&input), (struct span){0}, NULL, &signature), OK);
	struct cose_sign1 sign1 = {.protected = protected, .unprotected = unprotected, .detached = !payload, .signature = span_of(signature.bytes, sizeof signature.bytes)};
	if (payload)
		sign1.payload = span_of(payload->bytes, DIGEST_SIZE);
	cose_sign1_encode(&sign1, &bytes);
	buffer_free(&input);
	return bytes;
}

static void other_forms_are_refused(void **state)
{
	const struct sample_world *world = *state;
	struct buffer good = inclusion_bytes(world, 1, 2), bytes;
	struct cose_sign1 sign1;
	struct digest root = merkle_tree_root(&world->log->tree, 2);
	assert_int_equal(cose_sign1_decode(buffer_span(&good), &sign1, NULL), OK);
	struct buffer header = {0}, proofs = {0};

	bytes = forged(world, sign1.protected, sign1.unprotected, &root, &root);
	assert_refused(world, buffer_span(&bytes), 1, E_MALFORMED, "it must be nil");
	buffer_free(&bytes);
	/* vds 2, signed: the last byte of the header. */
	buffer_append_span(&header, sign1.protected);
	header.data[header.size - 1] = 2;
	bytes = forged(world, buffer_span(&header), sign1.unprotected, NULL, &root);
	assert_refused(world, buffer_span(&bytes), 1, E_MALFORMED, "is not RFC9162_SHA256");
	buffer_free(&bytes);
	/* ML-DSA-65. */
	header.data[header.size - 1] = 1;
	assert_int_equal(header.data[3], 47);
	header.data[3] = 48;
	bytes = forged(world, buffer_span(&header), sign1.unprotected, NULL, &root);
	assert_refused(world, buffer_span(&bytes), 1, E_MALFORMED, "is not ML-DSA-44");
	buffer_free(&bytes);

	static const struct {
		const char *proofs; /* 396: {...}, in hexadecimal */
		const char *says;
	} wrong[] = {
		{"a0", "the proofs (396) alone"},
		{"a119018ca0", "neither inclusion"},
		{"a119018ca12080", "there is no proof"},
		{"a119018ca1228144" "83010080", "neither inclusion"},           /* label -3 */
		{"a119018ca1208144" "83000080", "sizes that cannot be"},         /* size 0 */
		{"a119018ca1208144" "83010180", "sizes that cannot be"},         /* index 1 of 1 */
		{"a119018ca1218144" "83000180", "sizes that cannot be"},         /* from size 0 */
		{"a119018ca1218144" "83020180", "sizes that cannot be"},         /* backwards */
		{"a119018ca1208145" "8301008000", "bytes follow a proof"},
		{"a119018ca1208145" "8301008100", "a byte string is expected"},
		{"a119018ca1208144" "82010080", "not an array of three"},
		{"a119018ca22081448301008021814483010180", "it has"},             /* both kinds */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct receipt receipt;
		struct fault fault = {0};
		buffer_clear(&proofs);
		buffer_reserve(&proofs, 100);
		proofs.size = strlen(wrong[i].proofs) / 2;
		assert_true(span_from_hex(span_of_text(wrong[i].proofs), proofs.data, proofs.size));
		bytes = forged(world, sign1.protected, buffer_span(&proofs), NULL, &root);
		enum status status = receipt_decode(buffer_span(&bytes), &receipt, &fault);
		if (status == OK || (i + 1 < sizeof wrong / sizeof *wrong && !strstr(fault.text, wrong[i].says)))
			fail_msg("%zu: %s %s", i, status_name(status), fault.text);
		buffer_free(&bytes);
	}
	buffer_free(&good);
	buffer_free(&header);
	buffer_free(&proofs);
}

static void issuers_keys_and_logs_are_those_of_the_genesis(void **state)
{
	const struct sample_world *world = *state;
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct receipt receipt = inclusion_of(world, 6, 9, origin);
	struct digest root = merkle_tree_root(&world->log->tree, 9);
	struct buffer bytes = {0};
	assert_int_equal(receipt_sign(&receipt, &root, key_of(world, 1), NULL, &bytes), OK);
	assert_refused(world, buffer_span(&bytes), 6, E_SIGNATURE, "names another key of org:repair");
	buffer_clear(&bytes);
	/* Another purpose's key of the same organisation. */
	assert_int_equal(receipt_sign(&receipt, &root, world->consortium->keys[2][SAMPLE_RECORD_KEY], NULL, &bytes), OK);
	assert_refused(world, buffer_span(&bytes), 6, E_SIGNATURE, "names another key of org:repair");
	buffer_clear(&bytes);
	receipt.iss = span_of_text("org:stranger");
	assert_int_equal(receipt_sign(&receipt, &root, key_of(world, 2), NULL, &bytes), OK);
	assert_refused(world, buffer_span(&bytes), 6, E_UNKNOWN, "org:stranger is no organisation");
	buffer_clear(&bytes);
	receipt.iss = span_of_text(sample_names[2]);
	origin[10] = origin[10] == 'a' ? 'b' : 'a';
	assert_int_equal(receipt_sign(&receipt, &root, key_of(world, 2), NULL, &bytes), OK);
	assert_refused(world, buffer_span(&bytes), 6, E_NETWORK, "receipt: it is of the log");
	buffer_clear(&bytes);
	/* The right path, another root signed. */
	checkpoint_origin(world->consortium->genesis.network, origin);
	struct digest other = merkle_tree_root(&world->log->tree, 8);
	assert_int_equal(receipt_sign(&receipt, &other, key_of(world, 2), NULL, &bytes), OK);
	assert_refused(world, buffer_span(&bytes), 6, E_SIGNATURE, "does not cover the root");
	buffer_free(&bytes);
}

static void several_proofs_lead_to_one_root(void **state)
{
	const struct sample_world *world = *state;
	struct merkle_tree tree = {0};
	/* One entry twice on a log that permits it. */
	struct digest id = world->log->ids[4], leaf = merkle_leaf(span_of(id.bytes, DIGEST_SIZE)), filler = {{9}};
	const struct digest *leaves[] = {&filler, &leaf, &filler, &leaf, &filler};
	for (size_t i = 0; i < 5; i++)
		merkle_tree_append(&tree, leaves[i]);
	struct digest root = merkle_tree_root(&tree, 5), got;
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct receipt receipt = inclusion_of(world, 1, 2, origin), decoded;
	receipt.proof_count = 2;
	receipt.proofs[0] = (struct receipt_proof){.first = 1, .size = 5};
	receipt.proofs[1] = (struct receipt_proof){.first = 3, .size = 5};
	assert_int_equal(merkle_tree_inclusion(&tree, 1, 5, &receipt.proofs[0].path), OK);
	assert_int_equal(merkle_tree_inclusion(&tree, 3, 5, &receipt.proofs[1].path), OK);
	struct verifying_key *key = verifying_key_new(signing_key_public(key_of(world, 2)));
	for (int round = 0; round < 3; round++) {
		/* 1: the second leads elsewhere; 2: the first does. */
		struct receipt changed = receipt;
		if (round)
			assert_int_equal(merkle_tree_inclusion(&tree, round == 1 ? 3 : 1, round == 1 ? 4 : 5, &changed.proofs[round == 1].path), OK);
		if (round == 1)
			changed.proofs[1].size = 4;
		if (round == 2)
			changed.proofs[0].path.nodes[0].bytes[0] ^= 1;
		struct buffer bytes = {0};
		assert_int_equal(receipt_sign(&changed, &root, key_of(world, 2), NULL, &bytes), OK);
		assert_int_equal(receipt_decode(buffer_span(&bytes), &decoded, NULL), OK);
		assert_int_equal(receipt_verify_inclusion(&decoded, key, &id, &got), round ? E_SIGNATURE : OK);
		buffer_free(&bytes);
	}
	verifying_key_free(key);
	merkle_tree_free(&tree);
}

static struct buffer consistency_bytes(const struct sample_world *world, uint64_t first, uint64_t second)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct receipt receipt = inclusion_of(world, 0, 1, origin);
	receipt.kind = RECEIPT_CONSISTENCY;
	receipt.proofs[0] = (struct receipt_proof){.first = first, .size = second};
	assert_int_equal(merkle_tree_consistency(&world->log->tree, first, second, &receipt.proofs[0].path), OK);
	struct digest root = merkle_tree_root(&world->log->tree, second);
	struct buffer bytes = {0};
	assert_int_equal(receipt_sign(&receipt, &root, key_of(world, 2), NULL, &bytes), OK);
	return bytes;
}

static void a_longer_log_continues_a_checkpoint(void **state)
{
	const struct sample_world *world = *state;
	const struct trust *trust = &world->consortium->trust;
	for (uint64_t first = 1; first <= LOG_END; first += 4)
		for (uint64_t second = first; second <= LOG_END; second += 5) {
			struct buffer note = {0}, report = {0}, bytes = consistency_bytes(world, first, second);
			struct digest older = merkle_tree_root(&world->log->tree, first);
			struct fault fault = {0};
			sample_note(world->consortium, first, &older, 0x9, &note);
			assert_int_equal(receipt_check_consistency(buffer_span(&bytes), buffer_span(&note), trust, &report, &fault), OK);
			buffer_append_byte(&report, 0);
			assert_non_null(strstr((char *)report.data, "unchanged and in the same order"));
			/* Not from a checkpoint of other entries, however well it is signed. */
			older.bytes[0] ^= 1;
			buffer_clear(&note);
			sample_note(world->consortium, first, &older, 0x9, &note);
			assert_int_equal(receipt_check_consistency(buffer_span(&bytes), buffer_span(&note), trust, &report, &fault), E_SIGNATURE);
			/* Nor is it a receipt of an entry. */
			assert_refused(world, buffer_span(&bytes), 0, E_SIGNATURE, "does not lead");
			buffer_free(&note);
			buffer_free(&report);
			buffer_free(&bytes);
		}
	struct buffer note = {0}, report = {0}, bytes = consistency_bytes(world, 5, 9), inclusion = inclusion_bytes(world, 5, 9);
	struct digest root = merkle_tree_root(&world->log->tree, 6);
	sample_note(world->consortium, 6, &root, 0xf, &note);
	struct fault fault;
	assert_int_equal(receipt_check_consistency(buffer_span(&bytes), buffer_span(&note), trust, &report, &fault), E_SIGNATURE);
	assert_int_equal(receipt_check_consistency(buffer_span(&inclusion), buffer_span(&note), trust, &report, &fault), E_SIGNATURE);
	buffer_free(&note);
	buffer_free(&report);
	buffer_free(&bytes);
	buffer_free(&inclusion);
}

/* -- notes with lines of witnesses -------------------------------------------------------------------- */

static void witnesses_do_not_count_as_organisations(void **state)
{
	const struct sample_world *world = *state;
	struct digest root = merkle_tree_root(&world->log->tree, LOG_END);
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct signing_key *witness = sample_key(99, 0);
	struct buffer note = {0}, line = {0}, report = {0};
	struct fault fault = {0};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(world->consortium->genesis.network, origin);
	sample_note(world->consortium, LOG_END, &root, 0x1, &note);
	for (int i = 0; i < 3; i++) {
		struct checkpoint_line added = {.name = span_of_text(i == 1 ? "witness.example/two" : "witness.example/one")};
		checkpoint_key_id(added.name, signing_key_public(witness), added.key_id);
		assert_int_equal(cosignature_sign(witness, added.name, span_of_text(origin), LOG_END, &root, 1767225700, NULL, &added.cosignature), OK);
		checkpoint_line_encode(&added, &note);
	}
	assert_int_equal(note_judge(buffer_span(&note), origin, &world->consortium->trust, judgement, &fault), E_SIGNATURE);
	assert_non_null(strstr(fault.text, "signed by 1 of 4 organisations, and at least 2 must sign"));
	/* With a second organisation it is enough, and the witnesses are named. */
	struct checkpoint_line second = {.name = span_of_text(sample_names[3])};
	checkpoint_key_id(second.name, signing_key_public(key_of(world, 3)), second.key_id);
	assert_int_equal(cosignature_sign(key_of(world, 3), second.name, span_of_text(origin), LOG_END, &root, 1767225800, NULL, &second.cosignature), OK);
	checkpoint_line_encode(&second, &note);
	assert_int_equal(note_judge(buffer_span(&note), origin, &world->consortium->trust, judgement, &fault), OK);
	assert_int_equal(judgement->checkpoint.line_count, 5);
	note_report(judgement, NULL, &report);
	note_report_final(judgement, "all of the log up to this size", &report);
	buffer_append_byte(&report, 0);
	assert_non_null(strstr((char *)report.data, "signed by 2 of 4 organisations (2 are needed)"));
	assert_non_null(strstr((char *)report.data, "ok: checkpoint: witness.example/two is named by a line as a witness; it was not checked and does not count\n"));
	/* The f+1-th of the organisations' times, whatever witnesses say. */
	assert_non_null(strstr((char *)report.data, "ok: all of the log up to this size was final no later than 2026-01-01T00:03:20Z"));
	free(judgement);
	signing_key_free(witness);
	buffer_free(&note);
	buffer_free(&line);
	buffer_free(&report);
}

/* -- public vectors ------------------------------------------------------------------------------------- */

static void read_shared(const char *vector, const char *name, struct buffer *out)
{
	char path[1200];
	snprintf(path, sizeof path, "%s/vectors/scitt/%s/%s", shared_folder(), vector, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	buffer_clear(out);
	buffer_reserve(out, 1 << 16);
	out->size = fread(out->data, 1, 1 << 16, file);
	fclose(file);
}

/* COSE's ES256 signatures are r || s, OpenSSL's a DER sequence of two integers. */
static size_t der_integer(const uint8_t *number, uint8_t *out)
{
	size_t skip = 0;
	while (skip < 31 && number[skip] == 0)
		skip++;
	size_t pad = number[skip] >> 7, size = 32 - skip + pad;
	out[0] = 2;
	out[1] = (uint8_t)size;
	out[2] = 0;
	memcpy(out + 2 + pad, number + skip, 32 - skip);
	return 2 + size;
}

static bool foreign_signature_verifies(const char *vector, struct span input, struct span signature)
{
	struct buffer pem = {0};
	read_shared(vector, "log-key.pub", &pem);
	BIO *memory = BIO_new_mem_buf(pem.data, (int)pem.size);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL);
	assert_non_null(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool curve = EVP_PKEY_is_a(key, "EC");
	uint8_t der[80] = {0x30};
	size_t size = 0;
	assert_int_equal(signature.size, 64);
	if (curve) {
		size = der_integer(signature.data, der + 2);
		size += der_integer(signature.data + 32, der + 2 + size);
		der[1] = (uint8_t)size;
		size += 2;
	}
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, curve ? EVP_sha256() : NULL, NULL, key), 1);
	bool good = EVP_DigestVerify(context, curve ? der : signature.data, curve ? size : signature.size, input.data, input.size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	BIO_free(memory);
	buffer_free(&pem);
	return good;
}

/* Other services' receipts under other algorithms: proofs and signed bytes are read and computed by this room, the signature
 * is OpenSSL's to check. */
static void proofs_agree_with_the_public_receipts(void **state)
{
	(void)state;
	static const char *const vectors[] = {"valid-es256", "fail-tampered-path", "fail-unsupported-vds"};
	struct buffer receipt_bytes = {0}, statement = {0}, expected = {0}, input = {0};
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		char name[100];
		snprintf(name, sizeof name, "scitt/%s/expected.json", vectors[i]);
		yyjson_doc *document = shared_json(name);
		yyjson_val *root = yyjson_doc_get_root(document);
		struct receipt receipt;
		struct digest id, computed = {{0}};
		read_shared(vectors[i], "receipt.cose", &receipt_bytes);
		read_shared(vectors[i], "statement.cose", &statement);
		id = sha256(buffer_span(&statement));
		assert_true(span_equal(json_hex(root, "leaf_entry", &expected), span_of(id.bytes, DIGEST_SIZE)));
		assert_int_equal(receipt_decode_proofs(buffer_span(&receipt_bytes), &receipt, NULL), OK);
		assert_int_equal(receipt.kind, RECEIPT_INCLUSION);
		assert_int_equal(receipt.proofs[0].first, yyjson_get_uint(yyjson_obj_get(root, "leaf_index")));
		assert_int_equal(receipt.proofs[0].size, yyjson_get_uint(yyjson_obj_get(root, "tree_size")));
		assert_int_equal(receipt_inclusion_root(&receipt, &id, &computed), OK);
		buffer_clear(&input);
		cose_sign1_input(receipt.signed_protected, span_of(computed.bytes, DIGEST_SIZE), &input);
		bool proven = foreign_signature_verifies(vectors[i], buffer_span(&input), receipt.signature);
		if (strcmp(vectors[i], "fail-unsupported-vds") != 0)
			assert_int_equal(proven, yyjson_get_bool(yyjson_obj_get(root, "receipt_valid")));
		else
			assert_true(proven); /* it is the header that must be refused */
		if (proven && i == 0)
			assert_true(span_equal(json_hex(root, "reconstructed_root", &expected), span_of(computed.bytes, DIGEST_SIZE)));
		/* None is a receipt of ours. */
		assert_int_not_equal(receipt_decode(buffer_span(&receipt_bytes), &receipt, NULL), OK);
		yyjson_doc_free(document);
	}
	buffer_free(&receipt_bytes);
	buffer_free(&statement);
	buffer_free(&expected);
	buffer_free(&input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fixed_receipt_comes_out),
		cmocka_unit_test(every_entry_has_a_receipt_at_every_size),
		cmocka_unit_test(the_report_says_what_is_proven_and_by_whom),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(issuers_keys_and_logs_are_those_of_the_genesis),
		cmocka_unit_test(several_proofs_lead_to_one_root),
		cmocka_unit_test(a_longer_log_continues_a_checkpoint),
		cmocka_unit_test(witnesses_do_not_count_as_organisations),
		cmocka_unit_test(proofs_agree_with_the_public_receipts),
	};
	return cmocka_run_group_tests_name("receipt", tests, sample_world_begin, sample_world_end);
}
