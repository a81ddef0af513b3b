/* Consortia of four members and of one, founded once for all tests of a program: keys take long. */
#ifndef TEST_FOUNDED_H
#define TEST_FOUNDED_H

#include "consortium.h"

static struct consortium four, one;

static inline int founded_begin(void **state)
{
	(void)state;
	consortium_found(&four, 4);
	consortium_found(&one, 1);
	return 0;
}

static inline int founded_end(void **state)
{
	(void)state;
	consortium_free(&four);
	consortium_free(&one);
	return 0;
}

#endif
