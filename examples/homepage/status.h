/* SPDX-License-Identifier: ISC */
/* The one page that is not a file: what serves it, and how much it has done. */
#ifndef HOMEPAGE_STATUS_H
#define HOMEPAGE_STATUS_H

#include <mirage-http.h>

/** Whether `request` is for /status. */
bool status_is_for(const struct mirage_http_request *request);

/** Answers with JSON. */
void status_reply(struct mirage_http_request *request,
		  const struct mirage_http_counters *counters,
		  uint64_t uptime_ns);

#endif /* HOMEPAGE_STATUS_H */
