/* SPDX-License-Identifier: ISC */
#include <mirage.h>

#define NAME_CASE(name, value, text) \
	case value:                  \
		return #name;
#define TEXT_CASE(name, value, text) \
	case value:                  \
		return text;

const char *mirage_strerror(int error)
{
	if (error >= 0)
		return "success";
	switch (error) {
		MIRAGE_ERROR_MAP(TEXT_CASE)
	default:
		return "unknown error";
	}
}

const char *mirage_error_name(int error)
{
	if (error >= 0)
		return "OK";
	switch (error) {
		MIRAGE_ERROR_MAP(NAME_CASE)
	default:
		return "?";
	}
}
