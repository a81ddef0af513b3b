#include "store/log.h"

/* Remainders of the 16 half bytes for the reflected polynomial 0x82F63B78. */
static const uint32_t remainders[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_portable(struct span bytes)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= bytes.data[i];
		crc = (crc >> 4) ^ remainders[crc & 15];
		crc = (crc >> 4) ^ remainders[crc & 15];
	}
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(struct span bytes)
{
	uint64_t crc = UINT32_MAX;
	size_t i = 0;
	for (; bytes.size - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, bytes.data + i, 8);
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; i < bytes.size; i++)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, bytes.data[i]);
	return ~(uint32_t)crc;
}

uint32_t crc32c(struct span bytes)
{
	return __builtin_cpu_supports("sse4.2") ? crc32c_by_instruction(bytes) : crc32c_portable(bytes);
}

#else

uint32_t crc32c(struct span bytes)
{
	return crc32c_portable(bytes);
}

#endif
