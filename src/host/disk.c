#include "host/disk_part.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum status disk_folder(const char *path, struct fault *fault)
{
	char part[PATH_MAX];
	size_t size = strlen(path);
	if (size == 0 || size >= sizeof part)
		return fault_set(fault, E_CONFIG, "the folder name is %s", size ? "too long" : "empty");
	memcpy(part, path, size + 1);
	for (size_t i = 1; i <= size; i++) {
		if (part[i] != '/' && part[i] != 0)
			continue;
		char saved = part[i];
		part[i] = 0;
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return fault_set(fault, E_IO, "the folder %s cannot be made: %s", part, strerror(errno));
		part[i] = saved;
	}
	struct stat facts;
	if (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode))
		return fault_set(fault, E_IO, "%s is not a folder; choose another name or move that file", path);
	return OK;
}

enum status disk_read(const char *path, size_t max, struct buffer *out, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fault_set(fault, E_NOT_FOUND, "there is no file %s", path);
	if (fd < 0)
		return fault_set(fault, E_IO, "%s cannot be read: %s", path, strerror(errno));
	enum status status = OK;
	size_t start = out->size;
	for (;;) {
		buffer_reserve(out, 16384);
		ssize_t got = read(fd, out->data + out->size, 16384);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			status = fault_set(fault, E_IO, "%s cannot be read: %s", path, strerror(errno));
		if (got <= 0)
			break;
		out->size += (size_t)got;
		if (out->size - start > max) {
			status = fault_set(fault, E_LIMIT, "%s is larger than the %zu bytes that are expected of it", path, max);
			break;
		}
	}
	close(fd);
	if (status != OK)
		out->size = start;
	return status;
}

enum status disk_write_all(int fd, struct span bytes)
{
	while (bytes.size) {
		ssize_t done = write(fd, bytes.data, bytes.size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return E_IO;
		bytes.data += done;
		bytes.size -= (size_t)done;
	}
	return OK;
}

const char *disk_advice(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "; the disk is full: free some space, then start again (nothing that was acknowledged is lost)";
	case EFBIG:
		return "; the file size limit is reached: raise it (ulimit -f), then start again";
	case EROFS:
		return "; the file system is read-only: look at the kernel's messages for disk errors";
	case EACCES:
	case EPERM:
		return "; check who owns the folder";
	default:
		return "";
	}
}

enum status disk_folder_flush(const char *folder, struct fault *fault)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && fsync(fd) == 0;
	int error = errno;
	if (fd >= 0)
		close(fd);
	return done ? OK : fault_set(fault, E_IO, "the folder %s cannot be flushed: %s", folder, strerror(error));
}

static enum status folder_of_file_flush(const char *path, struct fault *fault)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	memcpy(folder, path, size);
	folder[size] = 0;
	return disk_folder_flush(size ? folder : slash ? "/" : ".", fault);
}

enum status disk_write(const char *path, struct span bytes, unsigned mode, struct fault *fault)
{
	char beside[PATH_MAX];
	if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside)
		return fault_set(fault, E_CONFIG, "the file name %s is too long", path);
	unlink(beside);
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return fault_set(fault, E_IO, "%s cannot be written: %s%s", beside, strerror(errno), disk_advice(errno));
	bool done = fchmod(fd, (mode_t)mode) == 0 && disk_write_all(fd, bytes) == OK && fsync(fd) == 0;
	int error = errno;
	close(fd);
	if (done) {
		done = rename(beside, path) == 0;
		error = errno;
	}
	if (!done) {
		unlink(beside);
		return fault_set(fault, E_IO, "%s cannot be written: %s%s", path, strerror(error), disk_advice(error));
	}
	return folder_of_file_flush(path, fault);
}

enum status disk_lock(const char *folder, struct fault *fault)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/lock", folder) >= sizeof path)
		return fault_set(fault, E_CONFIG, "the folder name %s is too long", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_set(fault, E_IO, "%s cannot be opened: %s%s", path, strerror(errno), disk_advice(errno));
	/* On success the descriptor stays open on purpose: the lock ends with the process, however it ends. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return OK;
	int error = errno;
	close(fd);
	if (error == EWOULDBLOCK)
		return fault_set(fault, E_BUSY, "another process works in %s; stop it first, or give this one a folder of its own", folder);
	return fault_set(fault, E_IO, "%s cannot be locked: %s", path, strerror(error));
}
