# the checksum of a frame is not compared
# file: store/log.c
# test: test_store *
s/return crc == crc32c(span_of(bytes.data, \*size - 4));/return crc == crc;/
