#include "signal/senml.h"
#include "signal/unit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int open_table(void **state)
{
	struct fault fault;
	struct unit_table *table;
	if (unit_table_new(&table, &fault) != OK) {
		print_error("%s\n", fault.text);
		return -1;
	}
	*state = table;
	return 0;
}

static int close_table(void **state)
{
	unit_table_free(*state);
	return 0;
}

static enum status convert(void *table, const char *from, const char *to, double value, double *result, struct fault *fault)
{
	double scale, offset;
	enum status status = unit_conversion(table, span_of_text(from), span_of_text(to), &scale, &offset, fault);
	if (status == OK)
		*result = value * scale + offset;
	return status;
}

static void known_conversions(void **state)
{
	const struct {
		double value;
		const char *from;
		const char *to;
		double expected;
	} cases[] = {
		{212, "[degF]", "Cel", 100}, {32, "[degF]", "Cel", 0}, {-40, "Cel", "[degF]", -40}, {0, "Cel", "K", 273.15},
		{0, "K", "Cel", -273.15}, {671.67, "[degR]", "Cel", 100}, {671.67, "[degR]", "[degF]", 212}, {491.67, "[degR]", "K", 273.15},
		{25000, "mCel", "Cel", 25}, {1, "kK", "K", 1000},
		{1, "[psi]", "kPa", 6.894757293168361}, {1, "bar", "kPa", 100}, {1, "mbar", "hPa", 1}, {1, "atm", "Pa", 101325},
		{760, "mm[Hg]", "kPa", 101.32472}, {1, "m[H2O]", "kPa", 9.80665}, {1, "[in_i'Hg]", "kPa", 3.3863788}, {2, "bar{abs}", "kPa{abs}", 200},
		{60, "/min", "Hz", 1}, {60, "/min", "/s", 1}, {3000, "{rev}/min", "/s", 50}, {1, "Hz", "1/s", 1}, {1, "s-1", "Hz", 1},
		{60, "L/min", "m3/h", 3.6}, {1, "l/s", "L/min", 60}, {1, "[gal_us]/min", "L/min", 3.785411784},
		{1, "m/s", "km/h", 3.6}, {1000, "mm/s", "m/s", 1}, {1, "[g]", "m/s2", 9.80665}, {1, "m/s2", "mm/s/s", 1000},
		{1, "[in_i]", "mm", 25.4}, {12, "[in_i]", "[ft_i]", 1}, {1000, "um", "mm", 1}, {1, "[kn_i]", "m/s", 0.5144444444444444},
		{180, "deg", "rad", 3.141592653589793}, {1, "deg", "'", 60}, {1, "'", "''", 60}, {1, "/s.deg", "deg/s", 1},
		{1, "kW.h", "MJ", 3.6}, {1, "[HP]", "W", 745.6998715822702}, {1, "[Btu_IT]", "kJ", 1.05505585262}, {1, "N.m", "J", 1}, {1, "W.s", "J", 1},
		{1, "kg.m/s2", "N", 1}, {1, "kg/(m.s2)", "Pa", 1}, {1, "V.A", "W", 1}, {1, "Ohm.A", "V", 1}, {1, "m/s.s", "m", 1},
		{50, "%", "1", 0.5}, {1, "[ppm]", "%", 1e-4}, {3, "10*3", "1", 3000}, {3, "10*-3/mL", "/L", 3}, {1, "10^2", "1", 100}, {24, "d", "100.h", 5.76},
		{1, "{rpm}", "1", 1}, {1, "{parts}/h", "/d", 24}, {1, "KiBy", "bit", 8192}, {8, "Mbit/s", "MBy/s", 1}, {10, "dB", "B", 1},
		{1, "dam", "m", 10}, {1, "cd", "mcd", 1000}, {1, "lm", "cd.sr", 1}, {1, "lx", "lm/m2", 1}, {7, "[pH]", "[pH]", 7}, {1, "t", "kg", 1000},
		{9, "[degF]{diff}", "K{diff}", 5}, {5, "K{diff}", "Cel{diff}", 5}, {9, "[degF]/min", "K/min", 5}, {1, "W/(m2.K)", "W/m2/Cel", 1},
		{1, "cSt", "mm2/s", 1}, {1, "mPa.s", "cP", 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fault fault = {0};
		double result = NAN;
		if (convert(*state, cases[i].from, cases[i].to, cases[i].value, &result, &fault) != OK)
			fail_msg("%s -> %s: %s", cases[i].from, cases[i].to, fault.text);
		double tolerance = 1e-12 * fmax(300, fabs(cases[i].expected));
		if (fabs(cases[i].expected) < 1)
			tolerance = 1e-12;
		if (cases[i].expected == 0)
			tolerance = 1e-10;
		if (!(fabs(result - cases[i].expected) <= tolerance))
			fail_msg("%g %s -> %s: %.17g instead of %.17g", cases[i].value, cases[i].from, cases[i].to, result, cases[i].expected);
	}
}

static void what_measures_something_else_is_refused(void **state)
{
	static const char *const pairs[][2] = {
		{"kg", "m"}, {"Cel", "Hz"}, {"Cel", "Cel/min"}, {"K", "K{diff}"}, {"Cel{diff}", "Cel"}, {"K/min", "Hz"}, {"rad/s", "Hz"}, {"deg", "1"},
		{"Hz", "s"}, {"m/s", "s/m"}, {"/K", "K"}, {"dB", "1"}, {"dB", "dB[SPL]"}, {"[pH]", "1"}, {"bit", "1"}, {"By", "B"}, {"mol", "1"}, {"V", "A"}, {"m", "m2"}, {"%", "[pH]"},
		{"lm", "cd"}, {"Pa", "N"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct fault fault = {0};
		double result;
		if (convert(*state, pairs[i][0], pairs[i][1], 1, &result, &fault) != E_UNIT)
			fail_msg("%s -> %s was accepted", pairs[i][0], pairs[i][1]);
		assert_non_null(strstr(fault.text, "different quantities"));
	}
}

static void what_is_no_unit_is_refused(void **state)
{
	static const char *const codes[] = {
		"", "foo", "degC", "celsius", "cel", "CEL", "psi", "rpm", "kelvin", "m/", "m..s", "m.", ".m", "m s", "m//s", "(m", "m)", "()", "m{", "m}", "{", "m{a{b}}",
		"m{a}{b}", "m0", "m-", "m+", "m10", "m^2", "m**2", "0", "2m", "-1", "1,5", "[degf]", "[", "[]", "k[degF]", "kmin", "m2m", "10*25", "10*+", "m[", "kk",
		"da", "k", "%%", "1e3", "kg m", "m\n", "\302\260C", "\302\265m", "((((((((((m))))))))))", "1000000000000",
	};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct fault fault = {0};
		double scale, offset;
		if (unit_conversion(*state, span_of_text(codes[i]), span_of_text(codes[i]), &scale, &offset, &fault) != E_UNIT)
			fail_msg("\"%s\" was accepted", codes[i]);
		assert_non_null(strstr(fault.text, "unknown unit"));
		assert_true(isinf(unit_floor(*state, span_of_text(codes[i]))));
	}
	char many[200];
	memset(many, '/', sizeof many);
	for (size_t i = 1; i < sizeof many; i += 2)
		many[i] = 'm';
	double scale, offset;
	assert_int_equal(unit_conversion(*state, span_of(many, 100), span_of(many, 100), &scale, &offset, NULL), E_UNIT);
	assert_int_equal(unit_conversion(*state, span_of(many, 200), span_of(many, 200), &scale, &offset, NULL), E_UNIT);
	assert_int_equal(unit_conversion(*state, span_of("m\0", 2), span_of("m", 1), &scale, &offset, NULL), E_UNIT);
}

static void equal_units_convert_to_the_bit(void **state)
{
	static const char *const codes[] = {"Cel", "[degF]", "kPa", "mm/s", "/min", "%", "L/min", "1", "{rpm}"};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		double scale, offset;
		assert_int_equal(unit_conversion(*state, span_of_text(codes[i]), span_of_text(codes[i]), &scale, &offset, NULL), OK);
		assert_true(scale == 1 && offset == 0);
	}
	double scale, offset;
	assert_int_equal(unit_conversion(*state, span_of_text("K"), span_of_text("Cel"), &scale, &offset, NULL), OK);
	assert_true(scale == 1 && offset == -273.15);
}

static void a_way_and_back_is_none(void **state)
{
	static const char *const codes[] = {"Cel", "[degF]", "K", "[degR]", "mK"};
	for (size_t a = 0; a < 5; a++)
		for (size_t b = 0; b < 5; b++) {
			double there = NAN, back = NAN;
			assert_int_equal(convert(*state, codes[a], codes[b], 61.2, &there, NULL), OK);
			assert_int_equal(convert(*state, codes[b], codes[a], there, &back, NULL), OK);
			assert_true(fabs(back - 61.2) < 1e-9);
		}
}

static void floors_are_physical(void **state)
{
	const struct {
		const char *unit;
		double floor;
	} cases[] = {
		{"K", 0}, {"Cel", -273.15}, {"[degF]", -459.67}, {"[degR]", 0}, {"mCel", -273150}, {"Cel{bearing}", -273.15}, {"bar{abs}", 0}, {"kPa{abs}", 0},
		{"N/m2{abs}", 0}, {"kPa", -INFINITY}, {"[psi]", -INFINITY}, {"K{diff}", -INFINITY}, {"K/s", -INFINITY}, {"A{abs}", -INFINITY}, {"A", -INFINITY},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double floor = unit_floor(*state, span_of_text(cases[i].unit));
		if (isinf(cases[i].floor) ? floor != cases[i].floor : !(fabs(floor - cases[i].floor) < 1e-9 * fmax(1, fabs(floor))))
			fail_msg("%s: %g", cases[i].unit, floor);
	}
}

static void senml_units_are_ucum_units(void **state)
{
	static const char *const symbols[] = {
		"m", "kg", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "sr", "N", "Pa", "J", "W", "C", "V", "F", "Ohm", "S", "Wb", "T", "H", "Cel", "lm", "lx", "Bq", "Gy",
		"Sv", "kat", "m2", "m3", "l", "m/s", "m/s2", "m3/s", "l/s", "W/m2", "cd/m2", "bit", "bit/s", "lat", "lon", "pH", "dB", "dBW", "Bspl", "count", "/", "%",
		"%RH", "%EL", "EL", "1/s", "1/min", "beat/min", "beats", "S/m", "B", "VA", "VAs", "var", "vars", "J/m", "kg/m3", "deg", "NTU", "ms", "min", "h", "MHz",
		"kW", "kVA", "kvar", "Ah", "Wh", "kWh", "varh", "kvarh", "kVAh", "Wh/km", "KiB", "GB", "Mbit/s", "B/s", "MB/s", "mV", "mA", "ug/m3", "mm/h", "m/h",
		"ppm", "/100", "/1000", "hPa", "mm", "cm", "km", "km/h",
	};
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		const char *code = senml_unit_code(span_of_text(symbols[i]));
		assert_non_null(code);
		struct fault fault = {0};
		double scale, offset;
		if (unit_conversion(*state, span_of_text(code), span_of_text(code), &scale, &offset, &fault) != OK)
			fail_msg("%s: %s", symbols[i], fault.text);
	}
	assert_null(senml_unit_code(span_of_text("furlong")));
	struct senml_units same = senml_units_same(*state, span_of_text("Cel"));
	assert_true(senml_units_have(&same, span_of_text("Cel")));
	assert_false(senml_units_have(&same, span_of_text("K")));
	assert_false(senml_units_have(&same, span_of_text("furlong")));
	same = senml_units_same(*state, span_of_text("Hz"));
	assert_true(senml_units_have(&same, span_of_text("1/s")));
	assert_false(senml_units_have(&same, span_of_text("1/min")));
	same = senml_units_same(*state, span_of_text("%"));
	assert_true(senml_units_have(&same, span_of_text("%RH")));
	assert_true(senml_units_have(&same, span_of_text("/100")));
	assert_false(senml_units_have(&same, span_of_text("/")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_conversions),
		cmocka_unit_test(what_measures_something_else_is_refused),
		cmocka_unit_test(what_is_no_unit_is_refused),
		cmocka_unit_test(equal_units_convert_to_the_bit),
		cmocka_unit_test(a_way_and_back_is_none),
		cmocka_unit_test(floors_are_physical),
		cmocka_unit_test(senml_units_are_ucum_units),
	};
	return cmocka_run_group_tests(tests, open_table, close_table);
}
