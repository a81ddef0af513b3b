# every twin is accepted
# file: intake.c
# test: test_intake twins_are*
s/(permission == PERMISSION_SLOT \&\& twin)/false/
