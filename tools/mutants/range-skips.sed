# reading the log begins too late
# file: dag.c
# test: test_consensus a_member_away*
s|uint32_t at = round / DAG_INDEX_ROUNDS;|uint32_t at = round / DAG_INDEX_ROUNDS + 2;|
