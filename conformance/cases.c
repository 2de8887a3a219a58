/* SPDX-License-Identifier: ISC */
/*
 * cases.c: the lists of cases, in the order in which they run.
 */
#include "harness.h"

extern const struct conf_case *const conf_law_cases[];
extern const struct conf_case *const conf_errors_cases[];
extern const struct conf_case *const conf_app_cases[];
extern const struct conf_case *const conf_events_cases[];
extern const struct conf_case *const conf_console_cases[];
extern const struct conf_case *const conf_clock_cases[];
extern const struct conf_case *const conf_time_cases[];
extern const struct conf_case *const conf_random_cases[];

const struct conf_case *const *const conf_classes[] = {conf_errors_cases, NULL};
