/* SPDX-License-Identifier: ISC */
#include "csum.h"

void unix_csum_fill(uint8_t *bytes, uint32_t length, uint32_t start,
		    uint32_t offset)
{
	uint8_t *field = bytes + start + offset;
	uint64_t sum = 0;
	uint32_t i;

	for (i = start; i + 1 < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (i < length)
		sum += (uint32_t)bytes[i] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (sum == 0)
		sum = 0xffff;
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}
