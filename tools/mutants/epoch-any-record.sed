# what was signed for one record holds for another
# file: record/epoch.c
# test: test_epoch the_signature*
s/ || !digest_equal(&judgement->checkpoint.root, &digest))/ || digest_is_zero(\&digest))/
