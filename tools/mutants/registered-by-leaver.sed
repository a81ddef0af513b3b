# whoever was a member once registers for ever
# file: record/bundle_verify.c
# test: test_trust registrations*
s/!genesis_member_named(epoch_of(v, i)->members, registration->iss)/!genesis_member_named(v->trust->epochs->items[v->trust->epochs->count > 1].members, registration->iss)/
