#include "replica/cosigned.h"

void cosigned_encode(const struct cosigned *cosigned, struct buffer *out)
{
	write_u16(out, cosigned->member);
	write_u64(out, cosigned->size);
	write_digest(out, &cosigned->root);
	write_u64(out, cosigned->cosignature.timestamp_s);
	buffer_append(out, cosigned->cosignature.signature.bytes, ML_DSA_44_SIGNATURE);
}

enum status cosigned_decode(struct span bytes, struct cosigned *out)
{
	struct reader in = reader_of(bytes);
	out->member = read_u16(&in);
	out->size = read_u64(&in);
	out->root = read_digest(&in);
	out->cosignature.timestamp_s = read_u64(&in);
	struct span signature = read_bytes(&in, ML_DSA_44_SIGNATURE);
	TRY(reader_end(&in));
	memcpy(out->cosignature.signature.bytes, signature.data, ML_DSA_44_SIGNATURE);
	return out->cosignature.timestamp_s ? OK : E_MALFORMED;
}
