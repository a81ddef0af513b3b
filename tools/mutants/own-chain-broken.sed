# an own block that commits passed by while it waited is forgotten, and nothing is proposed any more
# file: intake.c
# test: test_catching_up an_own_block*
s/block->author == machine->config.own && block->round > machine->dag.newest\[block->author\])$/false)/
