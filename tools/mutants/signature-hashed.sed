# the digest covers the signature
# file: block.c
# test: test_block the_digest*
s/out->digest = header_digest(out->header);/out->digest = header_digest(block_signed_header(out));/
