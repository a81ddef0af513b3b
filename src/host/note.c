#include "host/note.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NOTE_LINE_MAX = 1200 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static enum note_level level_least(void)
{
	const char *wanted = getenv("TALLY_LOG");
	for (unsigned level = NOTE_DEBUG; wanted && level <= NOTE_ERROR; level++)
		if (strcmp(wanted, level_names[level]) == 0)
			return (enum note_level)level;
	return NOTE_INFO;
}

void note(enum note_level level, const char *event, const char *format, ...)
{
	if (level < level_least())
		return;
	char line[NOTE_LINE_MAX], when[TIME_TEXT_SIZE];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	time_text((int64_t)now.tv_sec * NS_PER_S + now.tv_nsec / NS_PER_MS * NS_PER_MS, when);
	int used = snprintf(line, sizeof line, "time=%s level=%s event=%s ", when, level_names[level], event);
	va_list arguments;
	va_start(arguments, format);
	int more = vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
	va_end(arguments);
	size_t size = (size_t)used + (size_t)(more > 0 ? more : 0);
	if (size > sizeof line - 2)
		size = sizeof line - 2;
	/* Text from outside cannot begin a line of its own. */
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[size++] = '\n';
	/* One write a line, so that lines of several processes do not mix. A log that cannot be written stops nothing. */
	ssize_t written = write(STDERR_FILENO, line, size);
	(void)written;
}
