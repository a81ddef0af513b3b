#include "record/tile.h"

#include <inttypes.h>

static const char PREFIX[] = "/tile/", ENTRIES[] = "entries", PARTIAL[] = ".p/";

static bool take_text(struct span *rest, const char *text)
{
	size_t size = strlen(text);
	if (rest->size < size || memcmp(rest->data, text, size) != 0)
		return false;
	*rest = span_after(*rest, size);
	return true;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* One to `digits_max` digits without a leading zero. */
static bool take_number(struct span *rest, size_t digits_max, unsigned *out)
{
	size_t digits = 0;
	*out = 0;
	for (; digits < rest->size && digits < digits_max && is_digit(rest->data[digits]); digits++)
		*out = 10 * *out + (rest->data[digits] - '0');
	if (digits == 0 || (digits > 1 && rest->data[0] == '0'))
		return false;
	*rest = span_after(*rest, digits);
	return true;
}

static bool take_group(struct span *rest, uint64_t *number)
{
	if (rest->size < 3 || !is_digit(rest->data[0]) || !is_digit(rest->data[1]) || !is_digit(rest->data[2]))
		return false;
	uint64_t group = (uint64_t)(rest->data[0] - '0') * 100 + (uint64_t)(rest->data[1] - '0') * 10 + (uint64_t)(rest->data[2] - '0');
	*rest = span_after(*rest, 3);
	return !__builtin_mul_overflow(*number, 1000, number) && !__builtin_add_overflow(*number, group, number);
}

/* "x001/x234/067" */
static bool take_groups(struct span *rest, uint64_t *number)
{
	*number = 0;
	while (take_text(rest, "x"))
		if (!take_group(rest, number) || *number == 0 || !take_text(rest, "/"))
			return false;
	return take_group(rest, number);
}

bool tile_path_decode(struct span path, struct tile *out)
{
	struct span rest = path;
	*out = (struct tile){.width = TILE_WIDTH};
	if (!take_text(&rest, PREFIX))
		return false;
	out->entries = take_text(&rest, ENTRIES);
	if (!out->entries && (!take_number(&rest, 2, &out->level) || out->level > TILE_LEVEL_MAX))
		return false;
	if (!take_text(&rest, "/") || !take_groups(&rest, &out->number))
		return false;
	if (take_text(&rest, PARTIAL) && (!take_number(&rest, 3, &out->width) || out->width == 0 || out->width >= TILE_WIDTH))
		return false;
	return rest.size == 0;
}

void tile_path_encode(const struct tile *tile, struct buffer *out)
{
	buffer_append_text(out, PREFIX);
	if (tile->entries)
		buffer_append_text(out, ENTRIES);
	else
		buffer_printf(out, "%u", tile->level);
	uint64_t unit = 1;
	while (tile->number / unit >= 1000)
		unit *= 1000;
	for (; unit > 1; unit /= 1000)
		buffer_printf(out, "/x%03" PRIu64, tile->number / unit % 1000);
	buffer_printf(out, "/%03" PRIu64, tile->number % 1000);
	if (tile->width < TILE_WIDTH)
		buffer_printf(out, "%s%u", PARTIAL, tile->width);
}

bool tile_is_within(const struct tile *tile, uint64_t size)
{
	uint64_t available = tile->level < 8 ? size >> (8 * tile->level) : 0;
	uint64_t before = tile->number * TILE_WIDTH;
	return tile->number <= UINT64_MAX / TILE_WIDTH && before <= available && tile->width <= available - before;
}

void tile_hashes(const struct tile *tile, const struct merkle_tree *tree, struct buffer *out)
{
	for (unsigned i = 0; i < tile->width; i++) {
		const struct digest *node = merkle_tree_node(tree, 8 * tile->level, tile->number * TILE_WIDTH + i);
		CHECK(node);
		buffer_append(out, node->bytes, DIGEST_SIZE);
	}
}

void tile_entry(struct span statement, struct buffer *out)
{
	CHECK(statement.size <= UINT16_MAX);
	buffer_append_byte(out, (uint8_t)(statement.size >> 8));
	buffer_append_byte(out, (uint8_t)statement.size);
	buffer_append_span(out, statement);
}
