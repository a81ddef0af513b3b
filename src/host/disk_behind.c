#include "host/disk_part.h"

#include <fcntl.h>

enum { STEP = 1 << 20, KEPT = 8 << 20 };

/* Only advice: a file system that does not take it keeps what it likes. */
void disk_behind(struct disk_behind *behind, int fd, uint64_t end)
{
	uint64_t begun = end - end % STEP;
	if (begun > behind->begun) {
		(void)sync_file_range(fd, (off_t)behind->begun, (off_t)(begun - behind->begun), SYNC_FILE_RANGE_WRITE);
		behind->begun = begun;
	}
	uint64_t dropped = begun > KEPT ? begun - KEPT : 0;
	if (dropped > behind->dropped) {
		(void)posix_fadvise(fd, (off_t)behind->dropped, (off_t)(dropped - behind->dropped), POSIX_FADV_DONTNEED);
		behind->dropped = dropped;
	}
}

void disk_behind_end(int fd)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}
