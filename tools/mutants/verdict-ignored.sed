# a signature that Botan calls invalid is good
# file: crypto/botan.c
# test: test_verifiers every_changed_byte_is_seen
s/return code == BOTAN_FFI_SUCCESS ? OK/return code >= BOTAN_FFI_SUCCESS ? OK/
