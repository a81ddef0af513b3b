#include "signal/senml.h"

struct entry {
	const char *symbol;
	const char *code;
};

static const struct entry entries[] = {
	{"m", "m"}, {"kg", "kg"}, {"g", "g"}, {"s", "s"}, {"A", "A"}, {"K", "K"}, {"cd", "cd"}, {"mol", "mol"},
	{"Hz", "Hz"}, {"rad", "rad"}, {"sr", "sr"}, {"N", "N"}, {"Pa", "Pa"}, {"J", "J"}, {"W", "W"}, {"C", "C"},
	{"V", "V"}, {"F", "F"}, {"Ohm", "Ohm"}, {"S", "S"}, {"Wb", "Wb"}, {"T", "T"}, {"H", "H"}, {"Cel", "Cel"},
	{"lm", "lm"}, {"lx", "lx"}, {"Bq", "Bq"}, {"Gy", "Gy"}, {"Sv", "Sv"}, {"kat", "kat"},
	{"m2", "m2"}, {"m3", "m3"}, {"l", "L"}, {"m/s", "m/s"}, {"m/s2", "m/s2"}, {"m3/s", "m3/s"}, {"l/s", "L/s"},
	{"W/m2", "W/m2"}, {"cd/m2", "cd/m2"}, {"bit", "bit"}, {"bit/s", "bit/s"}, {"lat", "deg"}, {"lon", "deg"},
	{"pH", "[pH]"}, {"dB", "dB"}, {"dBW", "dB[W]"}, {"Bspl", "B[SPL]"}, {"count", "1"}, {"/", "1"}, {"%", "%"},
	{"%RH", "%"}, {"%EL", "%"}, {"EL", "s"}, {"1/s", "/s"}, {"1/min", "/min"}, {"beat/min", "/min"}, {"beats", "1"},
	{"S/m", "S/m"}, {"B", "By"}, {"VA", "V.A"}, {"VAs", "V.A.s"}, {"var", "V.A{reactive}"}, {"vars", "V.A{reactive}.s"},
	{"J/m", "J/m"}, {"kg/m3", "kg/m3"}, {"deg", "deg"}, {"NTU", "{NTU}"},
	{"ms", "ms"}, {"min", "min"}, {"h", "h"}, {"MHz", "MHz"}, {"kW", "kW"}, {"kVA", "kV.A"}, {"kvar", "kV.A{reactive}"},
	{"Ah", "A.h"}, {"Wh", "W.h"}, {"kWh", "kW.h"}, {"varh", "V.A{reactive}.h"}, {"kvarh", "kV.A{reactive}.h"},
	{"kVAh", "kV.A.h"}, {"Wh/km", "W.h/km"}, {"KiB", "KiBy"}, {"GB", "GBy"}, {"Mbit/s", "Mbit/s"}, {"B/s", "By/s"},
	{"MB/s", "MBy/s"}, {"mV", "mV"}, {"mA", "mA"}, {"ug/m3", "ug/m3"}, {"mm/h", "mm/h"},
	{"m/h", "m/h"}, {"ppm", "[ppm]"}, {"/100", "%"}, {"/1000", "[ppth]"}, {"hPa", "hPa"}, {"mm", "mm"}, {"cm", "cm"},
	{"km", "km"}, {"km/h", "km/h"},
};

enum { ENTRIES = sizeof entries / sizeof *entries };
_Static_assert(ENTRIES <= 128, "struct senml_units has 128 bits");

static size_t entry_find(struct span symbol)
{
	size_t i = 0;
	while (i < ENTRIES && !span_is_text(symbol, entries[i].symbol))
		i++;
	return i;
}

const char *senml_unit_code(struct span symbol)
{
	size_t i = entry_find(symbol);
	return i < ENTRIES ? entries[i].code : NULL;
}

static bool is_same(struct unit_table *table, struct span code, struct span unit)
{
	if (span_equal(code, unit))
		return true;
	double scale, offset;
	return unit_conversion(table, code, unit, &scale, &offset, NULL) == OK && scale == 1 && offset == 0;
}

struct senml_units senml_units_same(struct unit_table *table, struct span unit)
{
	struct senml_units units = {0};
	for (size_t i = 0; i < ENTRIES; i++)
		if (is_same(table, span_of_text(entries[i].code), unit))
			units.bits[i / 64] |= UINT64_C(1) << i % 64;
	return units;
}

bool senml_units_have(const struct senml_units *units, struct span symbol)
{
	size_t i = entry_find(symbol);
	return i < ENTRIES && (units->bits[i / 64] >> i % 64 & 1);
}
