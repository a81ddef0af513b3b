#include "record/body.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXPONENT_MAX = 18, DIGITS = 15 };

/* The digits of a printed number, without sign and radix character. */
static int64_t digits_of(const char *text, const char **end)
{
	int64_t value = 0;
	for (; *text && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9')
			value = 10 * value + (*text - '0');
	*end = text;
	return value;
}

/* The C library rounds printed numbers correctly, so it is asked for the digits. */
struct decimal decimal_of(double value)
{
	char text[64];
	const char *end;
	if (!isfinite(value))
		return (struct decimal){0};
	double magnitude = fabs(value);
	snprintf(text, sizeof text, "%.*e", DIGITS - 1, magnitude);
	struct decimal result = {.mantissa = digits_of(text, &end)};
	int32_t exponent = 0;
	CHECK(sscanf(end, "e%d", &exponent) == 1);
	result.exponent = exponent - (DIGITS - 1);
	if (result.exponent < -EXPONENT_MAX) {
		/* Fewer digits fit: cut where the smallest exponent ends. Below 0.001, so no overflow. */
		snprintf(text, sizeof text, "%.*f", EXPONENT_MAX, magnitude);
		result = (struct decimal){.mantissa = digits_of(text, &end), .exponent = -EXPONENT_MAX};
	}
	for (; result.exponent > EXPONENT_MAX; result.exponent--) {
		bool fits = result.mantissa <= INT64_MAX / 10;
		result.mantissa = fits ? 10 * result.mantissa : INT64_MAX;
	}
	if (value < 0)
		result.mantissa = -result.mantissa;
	return decimal_normal(result);
}

double decimal_value(struct decimal decimal)
{
	/* Powers up to 10^22 are exact doubles, so one rounding is left for mantissas below 2^53. */
	double scale = 1;
	for (int32_t i = 0; i < abs(decimal.exponent); i++)
		scale *= 10;
	return decimal.exponent < 0 ? (double)decimal.mantissa / scale : (double)decimal.mantissa * scale;
}

void decimal_text(struct decimal decimal, struct buffer *out)
{
	char digits[32];
	uint64_t magnitude = decimal.mantissa < 0 ? 0 - (uint64_t)decimal.mantissa : (uint64_t)decimal.mantissa;
	int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)magnitude);
	int point = size + decimal.exponent; /* digits before the point */
	if (decimal.mantissa < 0)
		buffer_append_byte(out, '-');
	if (point <= 0)
		buffer_append_text(out, "0.");
	for (int i = point; i < 0; i++)
		buffer_append_byte(out, '0');
	for (int i = 0; i < size; i++) {
		if (i == point && point > 0)
			buffer_append_byte(out, '.');
		buffer_append_byte(out, (uint8_t)digits[i]);
	}
	for (int i = size; i < point && magnitude; i++)
		buffer_append_byte(out, '0');
}
