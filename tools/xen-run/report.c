/* SPDX-License-Identifier: ISC */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

bool report_verbose, report_dry;

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("mirage-xen-run: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

bool step(const char *format, ...)
{
	FILE *out = report_dry ? stdout : stderr;
	va_list args;

	if (!report_dry && !report_verbose)
		return true;
	va_start(args, format);
	vfprintf(out, format, args);
	fputc('\n', out);
	va_end(args);
	return !report_dry;
}
