/* SPDX-License-Identifier: ISC */
/* Numbers on the command line and the options of device URIs. */
#include "sim.h"

#include <string.h>

/* -------------------------------------------------------------- Numbers -- */

/** Reads digits into `number` and returns what follows them, or NULL when there
 *  are none or too many. */
static const char *digits(const char *text, uint64_t *number)
{
	const char *from = text;

	*number = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*number > (UINT64_MAX - digit) / 10)
			return NULL;
		*number = *number * 10 + digit;
	}
	return text == from ? NULL : text;
}

bool sim_parse_number(const char *text, uint64_t *number)
{
	text = digits(text, number);
	return text != NULL && *text == '\0';
}

bool sim_parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", SIM_NS_PER_S}};

	text = digits(text, ns);
	for (size_t i = 0; text != NULL && i < 4; i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		if (*ns > SIM_NEVER / units[i].ns)
			return false;
		*ns *= units[i].ns;
		return true;
	}
	return false;
}

bool sim_parse_chance(const char *text, uint32_t *ppb)
{
	uint64_t number, unit = SIM_PPB_ALL;

	text = digits(text, &number);
	if (text == NULL || number > 1)
		return false;
	number *= unit;
	if (*text == '.') {
		do {
			text++;
			unit /= 10;
			if (*text < '0' || *text > '9' || unit == 0)
				return false;
			number += (uint64_t)(*text - '0') * unit;
		} while (text[1] != '\0');
		text++;
	}
	*ppb = (uint32_t)number;
	return *text == '\0' && number <= SIM_PPB_ALL;
}

/* -------------------------------------------------------- Options of URIs -- */

static void wrong(struct sim_options *options, const char *key,
		  const char *value, const char *remedy)
{
	if (!options->bad)
		mirage_core_open_error(options->open,
				       "option %s: '%s' is not %s", key, value,
				       remedy);
	options->bad = true;
}

void sim_options_init(struct sim_options *options, struct mirage_open *open,
		      const char *otherwise)
{
	const char *mistake;

	options->open = open;
	options->bad = false;
	mistake = mirage_uri_parse(&options->uri,
				   open->uri != NULL ? open->uri : otherwise);
	if (mistake == NULL)
		return;
	mirage_core_open_error(open, "%s", mistake);
	options->bad = true;
}

/** The value of `key`, or NULL where there is nothing to read. */
static const char *option(struct sim_options *options, const char *key)
{
	return options->bad ? NULL : mirage_uri_option(&options->uri, key);
}

void sim_option_duration(struct sim_options *options, const char *key,
			 uint64_t *ns)
{
	const char *text = option(options, key);
	uint64_t value;

	if (text == NULL)
		return;
	/* A century: sums of such times do not overflow. */
	if (!sim_parse_duration(text, &value) ||
	    value > 3153600000 * SIM_NS_PER_S)
		wrong(options, key, text,
		      "a duration; write digits and ns, us, ms or s");
	else
		*ns = value;
}

void sim_option_chance(struct sim_options *options, const char *key,
		       uint32_t *ppb)
{
	const char *text = option(options, key);
	uint32_t value;

	if (text == NULL)
		return;
	if (!sim_parse_chance(text, &value))
		wrong(options, key, text,
		      "a probability; write a number from 0 to 1, such as "
		      "0.01");
	else
		*ppb = value;
}

static void bounded(struct sim_options *options, const char *key,
		    const char *text, uint64_t *to, uint64_t value,
		    uint64_t least, uint64_t most)
{
	if (value >= least && value <= most) {
		*to = value;
		return;
	}
	mirage_core_open_error(options->open,
			       "option %s: %s is out of range; give %" PRIu64
			       " to %" PRIu64,
			       key, text, least, most);
	options->bad = true;
}

void sim_option_bytes(struct sim_options *options, const char *key,
		      uint64_t *bytes, uint64_t least, uint64_t most)
{
	const char *text = option(options, key);
	uint64_t value;

	if (text == NULL)
		return;
	if (!mirage_uri_bytes(text, &value))
		wrong(options, key, text,
		      "a number of bytes; write digits and perhaps K, M, G or "
		      "T");
	else
		bounded(options, key, text, bytes, value, least, most);
}

void sim_option_number(struct sim_options *options, const char *key,
		       uint64_t *number, uint64_t least, uint64_t most)
{
	const char *text = option(options, key);
	uint64_t value;

	if (text == NULL)
		return;
	if (!sim_parse_number(text, &value))
		wrong(options, key, text, "a number; write digits");
	else
		bounded(options, key, text, number, value, least, most);
}

bool sim_option_flag(struct sim_options *options, const char *key)
{
	const char *text = option(options, key);

	if (text == NULL)
		return false;
	if (*text != '\0')
		wrong(options, key, text, "wanted; it takes no value");
	return true;
}

bool sim_options_fine(struct sim_options *options)
{
	const char *unknown;

	if (options->bad)
		return false;
	unknown = mirage_uri_unused(&options->uri);
	if (unknown == NULL)
		return true;
	mirage_core_open_error(options->open,
			       "unknown option '%s'; --help lists those there "
			       "are",
			       unknown);
	return false;
}
