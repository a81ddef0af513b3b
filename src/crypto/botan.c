#include "crypto/verifier.h"

#include <botan/ffi.h>
#include <stdlib.h>

/* The operation holds the matrix that the key stands for: 22 kB, and twice the time of a check to make. So it is made for the
 * first check, and then used again; many keys never check anything. */
struct botan_verifier {
	botan_pubkey_t key;
	botan_pk_op_verify_t operation;
};

struct botan_verifier *botan_verifier_new(const struct public_key *key)
{
	struct botan_verifier *out = memory_new(sizeof *out);
	if (botan_pubkey_load_ml_dsa(&out->key, key->bytes, ML_DSA_44_PUBLIC, "ML-DSA-4x4") != BOTAN_FFI_SUCCESS) {
		free(out);
		return NULL;
	}
	return out;
}

static void operation_end(struct botan_verifier *verifier)
{
	botan_pk_op_verify_destroy(verifier->operation);
	verifier->operation = NULL;
}

void botan_verifier_free(struct botan_verifier *verifier)
{
	if (!verifier)
		return;
	operation_end(verifier);
	botan_pubkey_destroy(verifier->key);
	free(verifier);
}

static int check(struct botan_verifier *verifier, struct span message, struct span signature)
{
	int code = BOTAN_FFI_SUCCESS;
	if (!verifier->operation)
		code = botan_pk_op_verify_create(&verifier->operation, verifier->key, "", 0);
	if (code == BOTAN_FFI_SUCCESS && message.size)
		code = botan_pk_op_verify_update(verifier->operation, message.data, message.size);
	if (code == BOTAN_FFI_SUCCESS)
		code = botan_pk_op_verify_finish(verifier->operation, signature.data, signature.size);
	return code;
}

enum status botan_verifier_check(struct botan_verifier *verifier, struct span message, struct span signature)
{
	if (signature.size != ML_DSA_44_SIGNATURE)
		return E_SIGNATURE;
	int code = check(verifier, message, signature);
	/* A verdict must not depend on how much memory there is. */
	if (code == BOTAN_FFI_ERROR_OUT_OF_MEMORY)
		memory_exhausted();
	/* Neither valid nor invalid: the library failed, perhaps with half a message taken. */
	if (code != BOTAN_FFI_SUCCESS && code != BOTAN_FFI_INVALID_VERIFIER)
		operation_end(verifier);
	return code == BOTAN_FFI_SUCCESS ? OK : E_SIGNATURE;
}
