#include "bench/bench.h"

#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FLUSHES = 60, PAGE = 4096 };

int bench_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores > 0 ? (int)cores : 1;
}

/* The value of the first line "name ... : value" of a file under /proc. */
static bool proc_line(const char *path, const char *name, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool found = false;
	while (file && !found && fgets(line, sizeof line, file)) {
		char *colon = strchr(line, ':');
		if (!colon || strncmp(line, name, strlen(name)) != 0)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(out, size, "%s", colon);
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

void bench_machine_text(const struct bench *bench, struct buffer *out)
{
	char model[128] = "unknown processor";
	struct utsname system = {.sysname = "unknown system"};
	proc_line("/proc/cpuinfo", "model name", model, sizeof model);
	(void)uname(&system);
	buffer_printf(out, "%d cores, %s, %s %s; fdatasync of 4 KiB %.2f ms (median of %d)", bench_cores(), model, system.sysname, system.release,
		bench->fdatasync_s * 1e3, FLUSHES);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

enum status bench_fdatasync(const char *folder, double *seconds, struct fault *fault)
{
	char path[1100], page[PAGE];
	double times[FLUSHES];
	memset(page, 'x', sizeof page);
	snprintf(path, sizeof path, "%s/fdatasync", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	bool good = fd >= 0;
	for (int i = 0; good && i < FLUSHES; i++) {
		int64_t start = clock_monotonic_ns();
		good = write(fd, page, sizeof page) == (ssize_t)sizeof page && fdatasync(fd) == 0;
		times[i] = (double)(clock_monotonic_ns() - start) / 1e9;
	}
	int reason = errno;
	if (fd >= 0)
		close(fd);
	unlink(path);
	if (!good)
		return fault_set(fault, E_IO, "%s cannot be written: %s", path, strerror(reason));
	qsort(times, FLUSHES, sizeof *times, by_value);
	*seconds = times[FLUSHES / 2];
	return OK;
}

enum status bench_folder_make(struct bench *bench, struct fault *fault)
{
	const char *parent = getenv("TMPDIR");
	char path[sizeof bench->folder];
	int size = snprintf(path, sizeof path, "%s/tally-bench-XXXXXX", parent && *parent ? parent : "/var/tmp");
	if (size < 0 || (size_t)size >= sizeof path || !mkdtemp(path))
		return fault_set(fault, E_IO, "no temporary folder can be made in %s (%s); set TMPDIR", parent && *parent ? parent : "/var/tmp", strerror(errno));
	memcpy(bench->folder, path, (size_t)size + 1);
	return OK;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

void bench_folder_remove(const char *folder)
{
	if (folder[0])
		nftw(folder, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool bench_use(pid_t pid, struct bench_use *out)
{
	char path[64], line[1024], text[64];
	*out = (struct bench_use){0};
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	bool found = file && fgets(line, sizeof line, file);
	if (file)
		fclose(file);
	/* The name in parentheses may hold anything; fields 14, 15, 20 and 24 are counted from behind it. */
	const char *rest = found ? strrchr(line, ')') : NULL;
	unsigned long user, system;
	long pages, threads;
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %*u %ld", &user, &system, &threads, &pages) != 4)
		return false;
	out->cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	/* The same to the nanosecond, of the main thread. */
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	if (threads == 1 && (file = fopen(path, "re"))) {
		double spent_ns;
		if (fscanf(file, "%lf", &spent_ns) == 1 && spent_ns > 0)
			out->cpu_s = spent_ns / 1e9;
		fclose(file);
	}
	out->resident_bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	if (proc_line(path, "write_bytes", text, sizeof text))
		out->written_bytes = strtod(text, NULL);
	return true;
}
