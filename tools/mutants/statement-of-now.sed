# statements of all times are judged by the newest keys
# file: record/bundle_verify.c
# test: test_trust statements_count*
s/return epochs_of_size(v->trust->epochs, v->bundle->entries\[entry\].index + 1);/return entry == SIZE_MAX ? NULL : epochs_newest(v->trust->epochs);/
