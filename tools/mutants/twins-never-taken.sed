# a twin that others name is refused, too
# file: intake.c
# test: test_intake twins_are*
s/(permission == PERMISSION_SLOT \&\& twin)/twin/
