/* What disk.c and disk_log.c share. */
#ifndef TALLY_HOST_DISK_PART_H
#define TALLY_HOST_DISK_PART_H

#include "host/disk.h"

/* E_IO with errno set. */
MUST_USE enum status disk_write_all(int fd, struct span bytes);
/* What to do about an errno, as the end of a sentence; may be empty. */
const char *disk_advice(int error);
MUST_USE enum status disk_folder_flush(const char *folder, struct fault *fault);

#endif
