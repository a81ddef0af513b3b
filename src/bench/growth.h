/* Inside `tally bench growth`: what costs how much as a consortium and its log grow.
 *
 *   growth.c         members: calm runs of the simulator, the same on every machine
 *   growth_hashes.c  the log's tree and the state tree alone, in this process
 *   growth_disk.c    statements on the disk of a node: memory, start, proofs */
#ifndef TALLY_BENCH_GROWTH_H
#define TALLY_BENCH_GROWTH_H

#include "bench/bench.h"

bench_part bench_growth_hashes, bench_growth_disk;

#endif
