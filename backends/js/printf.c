/* SPDX-License-Identifier: ISC */
/*
 * vsnprintf and snprintf in the place of libc's, whose conversion of doubles alone
 * would be a fifth of a small program: here JavaScript does that. All of C11 but
 * %n, wide characters and %a, which reads as %e. printf is libc's.
 */
#include "js.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** 2^63 in octal, or a double of 308 digits with a fraction. */
#define DIGITS_MAX 24
#define DOUBLE_MAX_BYTES 440

struct out {
	char *to;
	size_t size, length;
};

struct spec {
	bool left, plus, space, alternate, zero;
	int width, precision; /* -1: none */
	int size;	      /* -2 hh, -1 h, 1 l z t, 2 ll j */
	char conversion;
};

static void put(struct out *out, char c)
{
	if (out->length + 1 < out->size)
		out->to[out->length] = c;
	out->length++;
}

static void fill(struct out *out, char c, int n)
{
	while (n-- > 0)
		put(out, c);
}

/** `prefix`, zeroes and `text`, within the width. */
static void put_padded(struct out *out, const struct spec *spec,
		       const char *prefix, int zeroes, const char *text,
		       int length)
{
	int head = (int)strlen(prefix);
	int room = spec->width - head - length;

	if (zeroes < 0)
		zeroes = 0;
	if (spec->zero && !spec->left && room > zeroes)
		zeroes = room;
	room -= zeroes;
	if (!spec->left)
		fill(out, ' ', room);
	while (*prefix != '\0')
		put(out, *prefix++);
	fill(out, '0', zeroes);
	while (length-- > 0)
		put(out, *text++);
	if (spec->left)
		fill(out, ' ', room);
}

static const char *sign_of(const struct spec *spec, bool negative)
{
	return negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
}

/* ------------------------------------------------------------- Numbers -- */

static void put_unsigned(struct out *out, struct spec *spec, const char *prefix,
			 uint64_t value)
{
	static const char lower[] = "0123456789abcdef";
	static const char upper[] = "0123456789ABCDEF";
	unsigned base = spec->conversion == 'o'		   ? 8
			: (spec->conversion | 0x20) == 'x' ? 16
							   : 10;
	char digits[DIGITS_MAX], *at = digits + DIGITS_MAX;
	int length;

	if (spec->alternate && base == 16 && value != 0)
		prefix = spec->conversion == 'x' ? "0x" : "0X";
	for (; value != 0; value /= base)
		*--at = (spec->conversion == 'X' ? upper : lower)[value % base];
	length = (int)(digits + DIGITS_MAX - at);
	if (spec->precision >= 0)
		spec->zero = false;
	else
		spec->precision = 1;
	if (spec->alternate && base == 8 && spec->precision <= length)
		spec->precision = length + 1;
	put_padded(out, spec, prefix, spec->precision - length, at, length);
}

static uint64_t next_unsigned(const struct spec *spec, va_list *args)
{
	switch (spec->size) {
	case -2:
		return (unsigned char)va_arg(*args, unsigned);
	case -1:
		return (unsigned short)va_arg(*args, unsigned);
	case 0:
		return va_arg(*args, unsigned);
	case 1:
		return va_arg(*args, unsigned long);
	default:
		return va_arg(*args, unsigned long long);
	}
}

static int64_t next_signed(const struct spec *spec, va_list *args)
{
	switch (spec->size) {
	case -2:
		return (signed char)va_arg(*args, int);
	case -1:
		return (short)va_arg(*args, int);
	case 0:
		return va_arg(*args, int);
	case 1:
		return va_arg(*args, long);
	default:
		return va_arg(*args, long long);
	}
}

static void put_signed(struct out *out, struct spec *spec, int64_t value)
{
	put_unsigned(out, spec, sign_of(spec, value < 0),
		     value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void put_double(struct out *out, struct spec *spec, double value)
{
	char text[DOUBLE_MAX_BYTES];
	uint32_t length;

	if (!isfinite(value))
		spec->zero = false;
	length = js_format_double(text, sizeof text, fabs(value),
				  spec->conversion, spec->precision,
				  spec->alternate);
	put_padded(out, spec, sign_of(spec, signbit(value) != 0), 0, text,
		   (int)length);
}

/* --------------------------------------------------------------- Texts -- */

static void put_string(struct out *out, struct spec *spec, const char *text)
{
	size_t length;

	if (text == NULL)
		text = "(null)";
	length = spec->precision < 0 ? strlen(text)
				     : strnlen(text, (size_t)spec->precision);
	spec->zero = false;
	put_padded(out, spec, "", 0, text, (int)length);
}

static void put_char(struct out *out, struct spec *spec, char c)
{
	spec->zero = false;
	put_padded(out, spec, "", 0, &c, 1);
}

/* ------------------------------------------------------------- Formats -- */

static const char *read_flags(const char *at, struct spec *spec)
{
	for (;; at++) {
		if (*at == '-')
			spec->left = true;
		else if (*at == '+')
			spec->plus = true;
		else if (*at == ' ')
			spec->space = true;
		else if (*at == '#')
			spec->alternate = true;
		else if (*at == '0')
			spec->zero = true;
		else
			return at;
	}
}

static const char *read_number(const char *at, int *number, va_list *args)
{
	if (*at == '*') {
		*number = va_arg(*args, int);
		return at + 1;
	}
	for (*number = 0; *at >= '0' && *at <= '9'; at++)
		*number = *number * 10 + *at - '0';
	return at;
}

static const char *read_size(const char *at, int *size)
{
	for (*size = 0;; at++) {
		if (*at == 'h')
			--*size;
		else if (*at == 'l')
			++*size;
		else if (*at == 'j')
			*size = 2;
		else if (*at == 'z' || *at == 't')
			*size = 1;
		else if (*at != 'L')
			return at;
	}
}

static const char *read_spec(const char *at, struct spec *spec, va_list *args)
{
	memset(spec, 0, sizeof *spec);
	at = read_flags(at, spec);
	at = read_number(at, &spec->width, args);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	spec->precision = -1;
	if (*at == '.')
		at = read_number(at + 1, &spec->precision, args);
	at = read_size(at, &spec->size);
	spec->conversion = *at;
	return *at == '\0' ? at : at + 1;
}

static void put_spec(struct out *out, struct spec *spec, va_list *args)
{
	switch (spec->conversion) {
	case 'd':
	case 'i':
		put_signed(out, spec, next_signed(spec, args));
		break;
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		put_unsigned(out, spec, "", next_unsigned(spec, args));
		break;
	case 'p':
		spec->conversion = 'x';
		spec->alternate = true;
		put_unsigned(out, spec, "", (uintptr_t)va_arg(*args, void *));
		break;
	case 's':
		put_string(out, spec, va_arg(*args, const char *));
		break;
	case 'c':
		put_char(out, spec, (char)va_arg(*args, int));
		break;
	case '%':
		put(out, '%');
		break;
	case '\0':
		break;
	default:
		put_double(out, spec, va_arg(*args, double));
	}
}

int vsnprintf(char *to, size_t size, const char *format, va_list given)
{
	struct out out = {to, size, 0};
	struct spec spec;
	va_list args;

	va_copy(args, given);
	while (*format != '\0') {
		if (*format != '%') {
			put(&out, *format++);
			continue;
		}
		format = read_spec(format + 1, &spec, &args);
		put_spec(&out, &spec, &args);
	}
	va_end(args);
	if (size != 0)
		to[out.length < size ? out.length : size - 1] = '\0';
	return (int)out.length;
}

int snprintf(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(to, size, format, args);
	va_end(args);
	return length;
}
