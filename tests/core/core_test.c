/* SPDX-License-Identifier: ISC */
/* Runs the tests of the core; Check forks for each, so each has a fresh core. */
#include "fake.h"

#include <stdlib.h>

int main(void)
{
	Suite *suite = suite_create("core");
	SRunner *runner;
	int failed;

#define ADD(name) suite_add_tcase(suite, core_case_##name());
	CORE_CASES(ADD)
#undef ADD
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
