/* SPDX-License-Identifier: ISC */
#include "hostfwd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Reads "[ADDR]:PORT" up to the end of the text. */
static const char *endpoint(const char *text, struct in_addr *address,
			    int *port)
{
	const char *colon = strchr(text, ':');
	char host[INET_ADDRSTRLEN];
	unsigned long number;
	char *end;

	if (colon == NULL)
		return "a colon before the port is missing";
	if (colon != text) {
		if ((size_t)(colon - text) >= sizeof(host))
			return "not an IPv4 address";
		memcpy(host, text, (size_t)(colon - text));
		host[colon - text] = '\0';
		if (inet_pton(AF_INET, host, address) != 1)
			return "not an IPv4 address";
	}
	number = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || number < 1 ||
	    number > 65535)
		return "a port is a number from 1 to 65535";
	*port = (int)number;
	return NULL;
}

const char *hostfwd_parse(struct hostfwd *forward, const char *rule)
{
	char text[128];
	const char *wrong;
	char *dash;

	if (strlen(rule) >= sizeof(text))
		return "too long";
	strcpy(text, rule);
	forward->udp = strncmp(text, "udp:", 4) == 0;
	if (!forward->udp && strncmp(text, "tcp:", 4) != 0)
		return "give tcp:[ADDR]:PORT-[GUEST]:PORT or udp:...";
	dash = strchr(text, '-');
	if (dash == NULL)
		return "the guest's half is missing, such as -:80";
	*dash = '\0';
	inet_pton(AF_INET, "127.0.0.1", &forward->host);
	inet_pton(AF_INET, "10.0.2.15", &forward->guest);
	wrong = endpoint(text + 4, &forward->host, &forward->host_port);
	if (wrong == NULL)
		wrong = endpoint(dash + 1, &forward->guest,
				 &forward->guest_port);
	return wrong;
}
