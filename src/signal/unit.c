#include "signal/unit.h"

#include "base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <udunits2.h>

enum {
	TEXT_MAX = 128,
	DEPTH_MAX = 8,
	COMPONENTS_MAX = 32,
	EXPONENT_MAX = 9,
	FACTOR_DIGITS_MAX = 9,
	POWER_OF_TEN_MAX = 24,
};

struct unit_table {
	ut_system *system;
	ut_unit *one;
	ut_unit *kelvin;
	ut_unit *pascal;
};

struct prefix {
	const char *code;
	double factor;
};

/* Two-letter codes first: "da" must not be read as "d". */
static const struct prefix prefixes[] = {
	{"da", 1e1}, {"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 1073741824.0}, {"Ti", 1099511627776.0},
	{"Y", 1e24}, {"Z", 1e21}, {"E", 1e18}, {"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}, {"h", 1e2},
	{"d", 1e-1}, {"c", 1e-2}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12}, {"f", 1e-15}, {"a", 1e-18},
	{"z", 1e-21}, {"y", 1e-24},
};

struct atom {
	const char *code;       /* UCUM, case-sensitive */
	const char *meaning;    /* for udunits */
	bool metric;            /* takes prefixes */
	double origin;          /* of temperatures: kelvin's zero lies at -origin */
};

/* Dimensions that udunits has not, or takes for a bare number: with its radian, rad/s would
 * turn into Hz without the factor 2 pi. UCUM keeps the plane angle as a dimension, too. */
static const char *const own_dimensions[] = {
	"tally_radian", "tally_bit", "tally_bel", "tally_bel_sound", "tally_bel_volt", "tally_bel_millivolt",
	"tally_bel_watt", "tally_bel_kilowatt", "tally_ph",
};

static const struct atom atoms[] = {
	{"m", "meter", true, 0}, {"s", "second", true, 0}, {"g", "gram", true, 0}, {"rad", "tally_radian", true, 0},
	{"K", "kelvin", true, 0}, {"C", "coulomb", true, 0}, {"cd", "candela", true, 0}, {"mol", "mole", true, 0},
	{"sr", "tally_radian^2", true, 0}, {"Hz", "1/second", true, 0}, {"N", "newton", true, 0},
	{"Pa", "pascal", true, 0}, {"J", "joule", true, 0}, {"W", "watt", true, 0}, {"A", "ampere", true, 0},
	{"V", "volt", true, 0}, {"F", "farad", true, 0}, {"Ohm", "ohm", true, 0}, {"S", "siemens", true, 0},
	{"Wb", "weber", true, 0}, {"T", "tesla", true, 0}, {"H", "henry", true, 0},
	{"lm", "candela.tally_radian^2", true, 0}, {"lx", "candela.tally_radian^2/meter^2", true, 0},
	{"Bq", "1/second", true, 0}, {"Gy", "joule/kilogram", true, 0}, {"Sv", "joule/kilogram", true, 0},
	{"kat", "mole/second", true, 0}, {"Cel", "kelvin", true, 273.15}, {"[degF]", "0.555555555555555556 kelvin", false, 459.67},
	{"[degR]", "0.555555555555555556 kelvin", false, 0},
	{"l", "1e-3 meter^3", true, 0}, {"L", "1e-3 meter^3", true, 0}, {"ar", "100 meter^2", true, 0},
	{"bar", "1e5 pascal", true, 0}, {"t", "1000 kilogram", true, 0}, {"u", "1.66053906660e-27 kilogram", true, 0},
	{"eV", "1.602176634e-19 joule", true, 0}, {"cal", "4.184 joule", true, 0}, {"G", "1e-4 tesla", true, 0},
	{"P", "0.1 pascal.second", true, 0}, {"St", "1e-4 meter^2/second", true, 0}, {"dyn", "1e-5 newton", true, 0},
	{"erg", "1e-7 joule", true, 0}, {"[g]", "9.80665 meter/second^2", true, 0}, {"gf", "9.80665e-3 newton", true, 0},
	{"m[H2O]", "9806.65 pascal", true, 0}, {"m[Hg]", "133322 pascal", true, 0}, {"Bd", "1/second", true, 0},
	{"bit", "tally_bit", true, 0}, {"By", "8 tally_bit", true, 0},
	{"B", "tally_bel", true, 0}, {"B[SPL]", "tally_bel_sound", true, 0}, {"B[V]", "tally_bel_volt", true, 0},
	{"B[mV]", "tally_bel_millivolt", true, 0}, {"B[W]", "tally_bel_watt", true, 0}, {"B[kW]", "tally_bel_kilowatt", true, 0},
	{"[pH]", "tally_ph", false, 0},
	{"min", "60 second", false, 0}, {"h", "3600 second", false, 0}, {"d", "86400 second", false, 0},
	{"wk", "604800 second", false, 0}, {"mo", "2629800 second", false, 0}, {"a", "31557600 second", false, 0},
	{"deg", "0.0174532925199432958 tally_radian", false, 0}, {"gon", "0.0157079632679489662 tally_radian", false, 0},
	{"'", "2.90888208665721596e-4 tally_radian", false, 0}, {"''", "4.84813681109535994e-6 tally_radian", false, 0},
	{"%", "0.01", false, 0}, {"[ppth]", "1e-3", false, 0}, {"[ppm]", "1e-6", false, 0}, {"[ppb]", "1e-9", false, 0},
	{"[pptr]", "1e-12", false, 0}, {"[pi]", "3.14159265358979324", false, 0},
	{"[in_i]", "0.0254 meter", false, 0}, {"[ft_i]", "0.3048 meter", false, 0}, {"[yd_i]", "0.9144 meter", false, 0},
	{"[mi_i]", "1609.344 meter", false, 0}, {"[nmi_i]", "1852 meter", false, 0}, {"[mil_i]", "2.54e-5 meter", false, 0},
	{"[kn_i]", "0.514444444444444444 meter/second", false, 0}, {"[sin_i]", "6.4516e-4 meter^2", false, 0},
	{"[sft_i]", "0.09290304 meter^2", false, 0}, {"[cin_i]", "1.6387064e-5 meter^3", false, 0},
	{"[cft_i]", "0.028316846592 meter^3", false, 0}, {"[lb_av]", "0.45359237 kilogram", false, 0},
	{"[oz_av]", "0.028349523125 kilogram", false, 0}, {"[ston_av]", "907.18474 kilogram", false, 0},
	{"[lbf_av]", "4.4482216152605 newton", false, 0}, {"[psi]", "6894.75729316836134 pascal", false, 0},
	{"atm", "101325 pascal", false, 0}, {"att", "98066.5 pascal", false, 0},
	{"[in_i'H2O]", "249.08891 pascal", false, 0}, {"[in_i'Hg]", "3386.3788 pascal", false, 0},
	{"[gal_us]", "3.785411784e-3 meter^3", false, 0}, {"[qt_us]", "9.46352946e-4 meter^3", false, 0},
	{"[pt_us]", "4.73176473e-4 meter^3", false, 0}, {"[foz_us]", "2.95735295625e-5 meter^3", false, 0},
	{"[gal_br]", "4.54609e-3 meter^3", false, 0}, {"[Btu_IT]", "1055.05585262 joule", false, 0},
	{"[HP]", "745.699871582270220 watt", false, 0},
};

/* Parsing is by the grammar of UCUM, section 2.1: terms of components joined by '.' and '/'
 * from left to right, annotations in braces, parentheses. */
struct parser {
	struct unit_table *table;
	struct span rest;
	unsigned depth;
	unsigned components;
	double origin;          /* of the last atom, in its own size */
	bool composite;         /* more than one bare atom: a temperature in it is a difference */
	bool absolute;          /* {abs}: a pressure against vacuum */
	bool difference;        /* {diff}: a difference of temperatures */
};

/* A unit read: its size, and where its zero lies. */
struct parsed {
	ut_unit *unit;
	double origin;
	bool temperature;
	bool absolute;
	bool difference;
};

/* Not ut_are_convertible, which also turns seconds into hertz by taking the reciprocal. */
static bool same_dimension(const ut_unit *a, const ut_unit *b)
{
	ut_unit *ratio = ut_divide(a, b);
	bool same = ratio && ut_is_dimensionless(ratio) != 0;
	ut_free(ratio);
	return same;
}

static bool next_is(const struct parser *parser, uint8_t c)
{
	return parser->rest.size && parser->rest.data[0] == c;
}

static void skip(struct parser *parser, size_t size)
{
	parser->rest.data += size;
	parser->rest.size -= size;
}

static ut_unit *combine(ut_unit *left, ut_unit *right, bool divide)
{
	if (!left || !right) {
		ut_free(left);
		ut_free(right);
		return NULL;
	}
	ut_unit *result = divide ? ut_divide(left, right) : ut_multiply(left, right);
	ut_free(left);
	ut_free(right);
	return result;
}

static ut_unit *scaled(double factor, ut_unit *unit)
{
	if (!unit || factor == 1.0)
		return unit;
	ut_unit *result = ut_scale(factor, unit);
	ut_free(unit);
	return result;
}

static const struct atom *atom_find(struct span code)
{
	for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++)
		if (span_is_text(code, atoms[i].code))
			return &atoms[i];
	return NULL;
}

/* An atom alone wins over a prefix and an atom: "cd" is the candela, "min" the minute. */
static const struct atom *atom_and_prefix(struct span code, double *factor)
{
	*factor = 1.0;
	const struct atom *atom = atom_find(code);
	for (size_t i = 0; !atom && i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t size = strlen(prefixes[i].code);
		if (code.size <= size || memcmp(code.data, prefixes[i].code, size) != 0)
			continue;
		const struct atom *rest = atom_find(span_of(code.data + size, code.size - size));
		if (rest && rest->metric) {
			atom = rest;
			*factor = prefixes[i].factor;
		}
	}
	return atom;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The code and exponent up to the next operator; text in square brackets belongs to the code. */
static struct span take_token(struct parser *parser)
{
	size_t size = 0;
	bool bracket = false;
	for (; size < parser->rest.size; size++) {
		uint8_t c = parser->rest.data[size];
		if (c == '[')
			bracket = true;
		if (!bracket && strchr("./(){}", c) && c)
			break;
		if (c == ']')
			bracket = false;
	}
	struct span token = span_of(parser->rest.data, size);
	skip(parser, size);
	return token;
}

/* Cut a signed integer from the end of *code. False: its form or size is not permitted. */
static bool take_exponent(struct span *code, int max, int *exponent)
{
	size_t digits = 0;
	while (digits < code->size && is_digit(code->data[code->size - 1 - digits]))
		digits++;
	size_t start = code->size - digits;
	*exponent = 1;
	if (digits == 0)
		return true;
	int value = 0;
	for (size_t i = start; i < code->size && value <= max; i++)
		value = 10 * value + (code->data[i] - '0');
	if (value < 1 || value > max)
		return false;
	bool sign = start > 0 && (code->data[start - 1] == '-' || code->data[start - 1] == '+');
	*exponent = sign && code->data[start - 1] == '-' ? -value : value;
	code->size = start - sign;
	return code->size > 0;
}

static bool take_factor(struct span token, double *factor)
{
	if (token.size == 0 || token.size > FACTOR_DIGITS_MAX)
		return false;
	*factor = 0;
	for (size_t i = 0; i < token.size; i++) {
		if (!is_digit(token.data[i]))
			return false;
		*factor = 10 * *factor + (token.data[i] - '0');
	}
	return *factor > 0;
}

static ut_unit *simple_unit(struct parser *parser)
{
	struct unit_table *table = parser->table;
	struct span token = take_token(parser);
	double factor;
	if (take_factor(token, &factor)) {
		parser->composite = true;
		return scaled(factor, ut_clone(table->one));
	}
	bool ten = token.size >= 3 && (memcmp(token.data, "10*", 3) == 0 || memcmp(token.data, "10^", 3) == 0);
	int exponent;
	if (!take_exponent(&token, ten ? POWER_OF_TEN_MAX : EXPONENT_MAX, &exponent))
		return NULL;
	if (ten) {
		parser->composite = true;
		return token.size == 3 ? scaled(pow(10, exponent), ut_clone(table->one)) : NULL;
	}
	const struct atom *atom = atom_and_prefix(token, &factor);
	if (!atom)
		return NULL;
	ut_unit *unit = scaled(factor, ut_parse(table->system, atom->meaning, UT_ASCII));
	if (unit && exponent != 1) {
		ut_unit *raised = ut_raise(unit, exponent);
		ut_free(unit);
		unit = raised;
		parser->composite = true;
	}
	parser->origin = atom->origin / factor;
	return unit;
}

static bool take_annotation(struct parser *parser)
{
	const uint8_t *end = memchr(parser->rest.data, '}', parser->rest.size);
	if (!end)
		return false;
	struct span text = span_of(parser->rest.data + 1, (size_t)(end - parser->rest.data) - 1);
	if (text.size && memchr(text.data, '{', text.size))
		return false;
	parser->absolute |= span_is_text(text, "abs");
	parser->difference |= span_is_text(text, "diff");
	skip(parser, text.size + 2);
	return true;
}

static ut_unit *term(struct parser *parser);

static ut_unit *component(struct parser *parser)
{
	if (++parser->components > COMPONENTS_MAX)
		return NULL;
	ut_unit *unit;
	if (next_is(parser, '{')) {
		unit = ut_clone(parser->table->one);
		parser->composite = true;
	} else if (next_is(parser, '(')) {
		skip(parser, 1);
		unit = term(parser);
		if (unit && !next_is(parser, ')')) {
			ut_free(unit);
			return NULL;
		}
		if (unit)
			skip(parser, 1);
		parser->composite = true;
	} else {
		unit = simple_unit(parser);
	}
	if (unit && next_is(parser, '{') && !take_annotation(parser)) {
		ut_free(unit);
		return NULL;
	}
	return unit;
}

static ut_unit *term(struct parser *parser)
{
	if (++parser->depth > DEPTH_MAX)
		return NULL;
	bool divide = next_is(parser, '/');
	ut_unit *unit;
	if (divide) {
		parser->composite = true;
		unit = ut_clone(parser->table->one);
	} else {
		unit = component(parser);
	}
	while (unit && (next_is(parser, '.') || next_is(parser, '/'))) {
		divide = next_is(parser, '/');
		skip(parser, 1);
		parser->composite = true;
		unit = combine(unit, component(parser), divide);
	}
	parser->depth--;
	return unit;
}

static enum status parse(struct unit_table *table, struct span text, struct parsed *out, struct fault *fault)
{
	struct parser parser = {.table = table, .rest = text};
	*out = (struct parsed){0};
	if (text.size > 0 && text.size <= TEXT_MAX)
		out->unit = term(&parser);
	if (!out->unit || parser.rest.size) {
		ut_free(out->unit);
		out->unit = NULL;
		return fault_set(fault, E_UNIT, "unknown unit \"%.*s\"; write a UCUM code such as Cel, kPa, mm/s, /min or 1",
			text.size < TEXT_MAX ? (int)text.size : TEXT_MAX, text.size ? (const char *)text.data : "");
	}
	bool kelvins = same_dimension(out->unit, table->kelvin);
	out->temperature = kelvins && !parser.composite;
	out->origin = out->temperature ? parser.origin : 0;
	out->absolute = parser.absolute;
	out->difference = parser.difference || (kelvins && parser.composite);
	return OK;
}

static bool own_dimension_add(ut_system *system, const char *name)
{
	ut_unit *unit = ut_new_base_unit(system);
	bool mapped = unit && ut_map_name_to_unit(name, UT_ASCII, unit) == UT_SUCCESS;
	ut_free(unit);
	return mapped;
}

enum status unit_table_new(struct unit_table **out, struct fault *fault)
{
	ut_set_error_message_handler(ut_ignore);
	struct unit_table *table = memory_new(sizeof *table);
	table->system = ut_read_xml(NULL);
	bool complete = table->system != NULL;
	for (size_t i = 0; complete && i < sizeof own_dimensions / sizeof *own_dimensions; i++)
		complete = own_dimension_add(table->system, own_dimensions[i]);
	if (complete) {
		table->one = ut_get_dimensionless_unit_one(table->system);
		table->kelvin = ut_get_unit_by_name(table->system, "kelvin");
		table->pascal = ut_get_unit_by_name(table->system, "pascal");
		complete = table->one && table->kelvin && table->pascal;
	}
	if (!complete) {
		unit_table_free(table);
		return fault_set(fault, E_IO, "the unit database of udunits2 cannot be read; install the package libudunits2-data "
			"or let UDUNITS2_XML_PATH name its udunits2.xml");
	}
	*out = table;
	return OK;
}

void unit_table_free(struct unit_table *table)
{
	if (!table)
		return;
	ut_free(table->one);
	ut_free(table->kelvin);
	ut_free(table->pascal);
	if (table->system)
		ut_free_system(table->system);
	free(table);
}

static enum status convert(const struct parsed *from, const struct parsed *to, double *scale, double *offset)
{
	bool kinds_differ = (from->temperature || to->temperature) && from->difference != to->difference;
	if (kinds_differ || !same_dimension(from->unit, to->unit))
		return E_UNIT;
	cv_converter *converter = ut_get_converter(from->unit, to->unit);
	if (!converter)
		return E_UNIT;
	*scale = cv_convert_double(converter, 1.0);
	cv_free(converter);
	bool shifted = from->temperature && !from->difference;
	*offset = shifted ? from->origin * *scale - to->origin : 0.0;
	return isfinite(*scale) && *scale > 0 && isfinite(*offset) ? OK : E_UNIT;
}

enum status unit_conversion(struct unit_table *table, struct span from, struct span to,
	double *scale, double *offset, struct fault *fault)
{
	struct parsed source, target;
	TRY(parse(table, from, &source, fault));
	enum status status = parse(table, to, &target, fault);
	if (status != OK) {
		ut_free(source.unit);
		return status;
	}
	status = convert(&source, &target, scale, offset);
	ut_free(source.unit);
	ut_free(target.unit);
	if (status != OK)
		return fault_set(fault, status, "\"%.*s\" cannot be converted into \"%.*s\": they measure different quantities; "
			"register the unit that the device sends", (int)from.size, (const char *)from.data, (int)to.size, (const char *)to.data);
	return OK;
}

double unit_floor(struct unit_table *table, struct span unit)
{
	struct parsed parsed;
	if (parse(table, unit, &parsed, NULL) != OK)
		return -INFINITY;
	double floor = -INFINITY;
	if (parsed.temperature && !parsed.difference)
		floor = -parsed.origin;
	else if (parsed.absolute && same_dimension(parsed.unit, table->pascal))
		floor = 0;
	ut_free(parsed.unit);
	return floor;
}
