/* SPDX-License-Identifier: ISC */
/* Fault plans. */
#include "fake.h"
#include "shim.h"

static struct core_fault_plan plan;

START_TEST(a_plan_is_read)
{
	const struct core_fault_rule *r = plan.rules;

	ck_assert_ptr_null(core_fault_plan_parse(
		&plan, "fail=3,fail-every=10:ENOSPC,delay=5ms,delay=7:2s,"
		       "rx-drop=1,tx-duplicate-every=4,reorder=9,stall=2"));
	ck_assert_uint_eq(plan.n_rules, 8);
	ck_assert(r[0].kind == CORE_FAULT_FAIL && r[0].number == 3 &&
		  !r[0].every && r[0].error == MIRAGE_EIO);
	ck_assert(r[1].every && r[1].number == 10 &&
		  r[1].error == MIRAGE_ENOSPC);
	ck_assert(r[2].kind == CORE_FAULT_DELAY && r[2].number == 0 &&
		  r[2].delay_ns == 5000000);
	ck_assert(r[3].number == 7 && r[3].delay_ns == 2000000000);
	ck_assert(r[4].kind == CORE_FAULT_DROP && r[4].way == CORE_FAULT_RX);
	ck_assert(r[5].kind == CORE_FAULT_DUPLICATE &&
		  r[5].way == CORE_FAULT_TX && r[5].every);
	ck_assert(r[6].kind == CORE_FAULT_REORDER &&
		  r[6].way == CORE_FAULT_BOTH);
	ck_assert(r[7].kind == CORE_FAULT_STALL);
}
END_TEST

static bool strikes(enum core_fault_kind kind, uint64_t number)
{
	return core_fault_plan_match(&plan, kind, CORE_FAULT_BOTH, number) !=
	       NULL;
}

START_TEST(a_plan_strikes_by_number)
{
	ck_assert_ptr_null(core_fault_plan_parse(
		&plan, "fail=3,stall-every=4,delay=1us,rx-drop=2"));
	for (uint64_t i = 1; i <= 12; i++) {
		ck_assert_int_eq(strikes(CORE_FAULT_FAIL, i), i == 3);
		ck_assert_int_eq(strikes(CORE_FAULT_STALL, i), i % 4 == 0);
		ck_assert(strikes(CORE_FAULT_DELAY, i));
		ck_assert(!strikes(CORE_FAULT_REORDER, i));
	}
	ck_assert_ptr_null(core_fault_plan_match(&plan, CORE_FAULT_DROP,
						 CORE_FAULT_TX, 2));
	ck_assert_ptr_nonnull(core_fault_plan_match(&plan, CORE_FAULT_DROP,
						    CORE_FAULT_RX, 2));
}
END_TEST

#define FAIL_FORM                                                   \
	": expected fail=N or fail=N:ERROR with N from 1 and ERROR" \
	" such as EIO"
#define DELAY_FORM                                                 \
	": expected delay=TIME or delay=N:TIME with N from 1 and " \
	"TIME in us, ms or s, at most 3600s"
#define KINDS_FORM                                                    \
	": expected fail, stall, delay, drop, reorder or duplicate, " \
	"perhaps with rx- or tx- before it and -every after it"

static const struct {
	const char *text, *mistake;
} bad_plans[] = {
	{"", "''" KINDS_FORM},
	{"fial=1", "'fial=1'" KINDS_FORM},
	{"fail", "'fail'" FAIL_FORM},
	{"fail=", "'fail='" FAIL_FORM},
	{"fail=0", "'fail=0'" FAIL_FORM},
	{"fail=-1", "'fail=-1'" FAIL_FORM},
	{"fail=99999999999999999999", "'fail=99999999999999999999'" FAIL_FORM},
	{"fail=1:EFOO", "'fail=1:EFOO'" FAIL_FORM},
	{"rx-fail=1", "'rx-fail=1'" KINDS_FORM},
	{"fail=1,,stall=2", "''" KINDS_FORM},
	{"stall=1:EIO", "'stall=1:EIO': expected stall=N with N from 1"},
	{"delay=5", "'delay=5'" DELAY_FORM},
	{"delay=5m", "'delay=5m'" DELAY_FORM},
	{"delay=3601s", "'delay=3601s'" DELAY_FORM},
	{"delay-every=5ms", "'delay-every=5ms'" DELAY_FORM},
	{"drop=x", "'drop=x': expected drop=N with N from 1"},
	{"reorder=1:", "'reorder=1:': expected reorder=N with N from 1"},
	{"tx-duplicate=", "'tx-duplicate=': expected duplicate=N with N from "
			  "1"},
	{"drop=1,drop=2,drop=3,drop=4,drop=5,drop=6,drop=7,drop=8,drop=9,"
	 "drop=10,drop=11,drop=12,drop=13,drop=14,drop=15,drop=16,drop=17",
	 "more than 16 faults"},
};

START_TEST(a_bad_plan)
{
	ck_assert_str_eq(core_fault_plan_parse(&plan, bad_plans[_i].text),
			 bad_plans[_i].mistake);
}
END_TEST

TCase *core_case_plans(void)
{
	TCase *tcase = tcase_create("plans");

	tcase_add_test(tcase, a_plan_is_read);
	tcase_add_test(tcase, a_plan_strikes_by_number);
	tcase_add_loop_test(tcase, a_bad_plan, 0,
			    sizeof bad_plans / sizeof *bad_plans);
	return tcase;
}
