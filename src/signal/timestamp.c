#include "signal/timestamp.h"

#include "base/time.h"

#include <math.h>

/* The last whole second that fits in 63 bits of nanoseconds, exclusive. */
#define SECONDS_END (INT64_MAX / NS_PER_S)

struct scan {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static uint8_t scan_next(struct scan *scan)
{
	if (scan->at == scan->end) {
		scan->failed = true;
		return 0;
	}
	return *scan->at++;
}

static int scan_digits(struct scan *scan, int count)
{
	int value = 0;
	for (int i = 0; i < count; i++) {
		uint8_t c = scan_next(scan);
		if (c < '0' || c > '9')
			scan->failed = true;
		else
			value = 10 * value + (c - '0');
	}
	return value;
}

static void scan_expect(struct scan *scan, const char *any)
{
	uint8_t c = scan_next(scan);
	if (c == 0 || !strchr(any, c))
		scan->failed = true;
}

static int64_t scan_fraction_ns(struct scan *scan)
{
	if (scan->at == scan->end || *scan->at != '.')
		return 0;
	scan->at++;
	int64_t value = 0;
	int64_t unit = NS_PER_S / 10;
	const uint8_t *first = scan->at;
	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
		value += unit * (*scan->at - '0');
		unit /= 10;
	}
	if (scan->at == first)
		scan->failed = true;
	return value;
}

static int scan_zone_minutes(struct scan *scan)
{
	uint8_t c = scan_next(scan);
	if (c == 'Z' || c == 'z')
		return 0;
	if (c != '+' && c != '-')
		scan->failed = true;
	int hours = scan_digits(scan, 2);
	scan_expect(scan, ":");
	int minutes = scan_digits(scan, 2);
	if (hours > 23 || minutes > 59)
		scan->failed = true;
	int total = 60 * hours + minutes;
	return c == '-' ? -total : total;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first day of a year >= 1. */
static int64_t days_before_year(int year)
{
	int y = year - 1;
	return 365 * (int64_t)y + y / 4 - y / 100 + y / 400 - 719162;
}

static bool day_number(int year, int month, int day, int64_t *days)
{
	static const int before[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	int leap = is_leap(year);
	int length = before[month] - before[month - 1] + (month == 2 && leap);
	if (day > length)
		return false;
	*days = days_before_year(year) + before[month - 1] + (month > 2 && leap) + day - 1;
	return true;
}

enum status timestamp_from_text(struct span text, int64_t *ns)
{
	if (text.size == 0)
		return E_MALFORMED;
	struct scan scan = {.at = text.data, .end = span_end(text)};
	int year = scan_digits(&scan, 4);
	scan_expect(&scan, "-");
	int month = scan_digits(&scan, 2);
	scan_expect(&scan, "-");
	int day = scan_digits(&scan, 2);
	scan_expect(&scan, "Tt ");
	int hour = scan_digits(&scan, 2);
	scan_expect(&scan, ":");
	int minute = scan_digits(&scan, 2);
	scan_expect(&scan, ":");
	int second = scan_digits(&scan, 2);
	int64_t fraction = scan_fraction_ns(&scan);
	int zone = scan_zone_minutes(&scan);
	int64_t days;
	if (scan.failed || scan.at != scan.end || hour > 23 || minute > 59 || second > 60 ||
		!day_number(year, month, day, &days))
		return E_MALFORMED;
	int64_t seconds = 86400 * days + 3600 * hour + 60 * minute + second - 60 * zone;
	if (seconds < 0 || seconds >= SECONDS_END)
		return E_MALFORMED;
	*ns = seconds * NS_PER_S + fraction;
	return OK;
}

static enum status from_parts(double count, int64_t unit_ns, int64_t *ns)
{
	if (!(count >= 0 && count < (double)(INT64_MAX / unit_ns)))
		return E_MALFORMED;
	double whole = floor(count);
	double microseconds = (count - whole) * (double)(unit_ns / 1000);
	*ns = (int64_t)whole * unit_ns + (int64_t)llround(microseconds) * 1000;
	return OK;
}

enum status timestamp_from_milliseconds(double milliseconds, int64_t *ns)
{
	return from_parts(milliseconds, NS_PER_MS, ns);
}

enum status timestamp_from_seconds(double seconds, int64_t *ns)
{
	return from_parts(seconds, NS_PER_S, ns);
}
