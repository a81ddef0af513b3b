# the checksum leaves out the position
# file: store/log.c
# test: test_store *
s/write_u32(out, crc32c(span_of(out->data + start, out->size - start)));/write_u32(out, crc32c(span_of(out->data + start + 16, out->size - start - 16)));/
