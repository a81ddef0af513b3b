/* Inside `tally bench growth`: what costs how much as a consortium and its log grow.
 *
 *   bench_growth.c         members: calm runs of the simulator, the same on every machine
 *   bench_growth_hashes.c  the log's tree and the state tree alone, in this process
 *   bench_growth_disk.c    statements on the disk of a node: memory, start, proofs */
#ifndef TALLY_APP_BENCH_GROWTH_H
#define TALLY_APP_BENCH_GROWTH_H

#include "app/bench.h"

bench_part bench_growth_hashes, bench_growth_disk;

#endif
