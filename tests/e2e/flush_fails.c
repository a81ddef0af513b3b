/* In front of the C library: once the file that TALLY_TEST_FLUSH_FAILS names exists, flushes fail. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const char *trigger = getenv("TALLY_TEST_FLUSH_FAILS");
	if (trigger && access(trigger, F_OK) == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}
