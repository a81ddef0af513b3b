# a frame in another's place is taken
# file: store/log.c
# test: test_store *
s/out->position != position || //
