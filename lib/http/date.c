/* SPDX-License-Identifier: ISC */
/* Dates (RFC 9110, 5.6.7) and the Date line of responses. */
#include "http.h"

#include <string.h>

enum { DAY = 86400, DAYS_IN_400_YEARS = 146097 };

const char http_months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed",
				    "Thu", "Fri", "Sat"};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Days since 1970 and back, in years that begin in March, so that the leap day is the
 * last of the year: in eras of 400 years, which all have the same number of days.
 */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month < 2 ? year - 1 : year, era = floor_div(y, 400);
	int64_t in_era = y - era * 400;
	int64_t in_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;

	return era * DAYS_IN_400_YEARS + in_era * 365 + in_era / 4 -
	       in_era / 100 + in_year - 719468;
}

void http_civil(struct http_civil *civil, int64_t seconds)
{
	int64_t days = floor_div(seconds, DAY), rest = seconds - days * DAY;
	int64_t shifted = days + 719468;
	int64_t era = floor_div(shifted, DAYS_IN_400_YEARS);
	int64_t day = shifted - era * DAYS_IN_400_YEARS;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t in_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;

	civil->month = (unsigned)((month + 2) % 12);
	civil->day = (unsigned)(in_year - (153 * month + 2) / 5 + 1);
	civil->year = year + era * 400 + (civil->month < 2);
	civil->hour = (unsigned)(rest / 3600);
	civil->minute = (unsigned)(rest / 60 % 60);
	civil->second = (unsigned)(rest % 60);
	civil->weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
}

/* ------------------------------------------------------------- Printing -- */

static char *put_two(char *to, unsigned value)
{
	to[0] = (char)('0' + value / 10);
	to[1] = (char)('0' + value % 10);
	return to + 2;
}

void http_date_print(char to[HTTP_DATE_BYTES + 1], int64_t seconds)
{
	struct http_civil civil;

	http_civil(&civil, seconds);
	memcpy(to, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_BYTES + 1);
	memcpy(to, weekdays[civil.weekday], 3);
	put_two(to + 5, civil.day);
	memcpy(to + 8, http_months[civil.month], 3);
	put_two(put_two(to + 12, (unsigned)(civil.year / 100 % 100)),
		(unsigned)(civil.year % 100));
	put_two(to + 17, civil.hour);
	put_two(to + 20, civil.minute);
	put_two(to + 23, civil.second);
}

const char *http_date_line(void)
{
	static char line[HTTP_DATE_LINE_BYTES + 1];
	static int64_t printed = INT64_MIN;
	int64_t now = floor_div(mirage_clock_wall_ns(), HTTP_SECOND_NS);

	if (now != printed) {
		memcpy(line, "Date: ", 6);
		http_date_print(line + 6, now);
		memcpy(line + 6 + HTTP_DATE_BYTES, "\r\n", 3);
		printed = now;
	}
	return line;
}

/* -------------------------------------------------------------- Reading -- */

/** A date that is being read; `at` is NULL after something did not fit. */
struct reader {
	const char *at;
};

static void expect(struct reader *reader, const char *text)
{
	size_t n = strlen(text);

	if (reader->at != NULL)
		reader->at = strncmp(reader->at, text, n) == 0 ? reader->at + n
							       : NULL;
}

static unsigned digits(struct reader *reader, size_t n)
{
	unsigned value = 0;

	for (size_t i = 0; i < n && reader->at != NULL; i++) {
		char c = *reader->at++;

		if (c < '0' || c > '9')
			reader->at = NULL;
		else
			value = value * 10 + (unsigned)(c - '0');
	}
	return value;
}

static unsigned month(struct reader *reader)
{
	for (unsigned i = 0; i < 12 && reader->at != NULL; i++)
		if (strncmp(reader->at, http_months[i], 3) == 0) {
			reader->at += 3;
			return i;
		}
	reader->at = NULL;
	return 0;
}

static void time_of_day(struct reader *reader, struct http_civil *civil)
{
	civil->hour = digits(reader, 2);
	expect(reader, ":");
	civil->minute = digits(reader, 2);
	expect(reader, ":");
	civil->second = digits(reader, 2);
}

/** 06 Nov 1994 08:49:37 GMT */
static void read_fixdate(struct reader *reader, struct http_civil *civil)
{
	civil->day = digits(reader, 2);
	expect(reader, " ");
	civil->month = month(reader);
	expect(reader, " ");
	civil->year = digits(reader, 4);
	expect(reader, " ");
	time_of_day(reader, civil);
	expect(reader, " GMT");
}

/** 06-Nov-94 08:49:37 GMT; a year that lies more than 50 years ahead is a past one. */
static void read_rfc850(struct reader *reader, struct http_civil *civil)
{
	struct http_civil now;

	http_civil(&now,
		   floor_div(mirage_clock_wall_ns(), (int64_t)HTTP_SECOND_NS));
	civil->day = digits(reader, 2);
	expect(reader, "-");
	civil->month = month(reader);
	expect(reader, "-");
	civil->year = digits(reader, 2) + now.year / 100 * 100;
	if (civil->year > now.year + 50)
		civil->year -= 100;
	expect(reader, " ");
	time_of_day(reader, civil);
	expect(reader, " GMT");
}

/** Nov  6 08:49:37 1994 */
static void read_asctime(struct reader *reader, struct http_civil *civil)
{
	civil->month = month(reader);
	expect(reader, " ");
	if (reader->at != NULL && *reader->at == ' ') {
		reader->at++;
		civil->day = digits(reader, 1);
	} else {
		civil->day = digits(reader, 2);
	}
	expect(reader, " ");
	time_of_day(reader, civil);
	expect(reader, " ");
	civil->year = digits(reader, 4);
}

static bool civil_good(const struct http_civil *civil)
{
	struct http_civil back;
	int64_t day = days_of(civil->year, civil->month, civil->day) * DAY;

	http_civil(&back, day);
	/* A leap second counts as the one before it. */
	return back.day == civil->day && civil->day > 0 && civil->hour < 24 &&
	       civil->minute < 60 && civil->second <= 60;
}

bool http_date_parse(const char *text, int64_t *seconds)
{
	struct http_civil civil = {0};
	const char *comma = strchr(text, ',');
	struct reader reader = {comma != NULL ? comma + 1 : text};

	if (comma == NULL) {
		reader.at = strnlen(text, 4) == 4 ? text + 3 : NULL;
		expect(&reader, " ");
		read_asctime(&reader, &civil);
	} else {
		expect(&reader, " ");
		if (comma - text == 3)
			read_fixdate(&reader, &civil);
		else
			read_rfc850(&reader, &civil);
	}
	if (reader.at == NULL || *reader.at != '\0' || !civil_good(&civil))
		return false;
	*seconds = days_of(civil.year, civil.month, civil.day) * DAY +
		   civil.hour * 3600 + civil.minute * 60 +
		   (civil.second == 60 ? 59 : civil.second);
	return true;
}
