/* SPDX-License-Identifier: ISC */
/*
 * cases.c: the lists of cases, in the order in which they run.
 */
#include "harness.h"

/* clang-format off */
#define LISTS(X) \
	X(law) X(tables) X(errors) X(app) X(events) \
	X(console) X(clock) X(time) X(random) \
	X(packet) X(net) X(net_frames) X(net_marks) X(net_traffic) \
	X(block) X(block_limits) X(block_queue) X(block_open) \
	X(ip) X(stack) X(stack_arguments) X(stack_wire) X(tcp) \
	X(flow) X(flow_law) X(udp) X(resolve) \
	X(kv) X(kv_change)
/* clang-format on */

#define DECLARE(list) \
	extern const struct conf_case *const conf_##list##_cases[];
LISTS(DECLARE)

#define ELEMENT(list) conf_##list##_cases,
const struct conf_case *const *const conf_classes[] = {LISTS(ELEMENT) NULL};
