#!/bin/sh
# SPDX-License-Identifier: ISC
# runner_test.sh RUNNER: the options of the Check runner, and what it exits with.
set -eu
runner=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# expect STATUS TEXT ARGUMENT...: the run ends so and says so.
expect() {
	status=$1
	text=$2
	shift 2
	got=0
	"$runner" "$@" >"$work/out" 2>&1 || got=$?
	if [ "$got" != "$status" ] || ! grep -q -- "$text" "$work/out"; then
		echo "$* ended with $got, expected $status and '$text':"
		cat "$work/out"
		exit 1
	fi
	echo "ok: $*"
}

expect 2 "unknown option '--nope'" --nope
expect 2 "a value is missing after '--filter'" --filter
expect 2 "no such fixture 'other'" --fixture other
expect 2 "no case matches 'no.*'" --filter 'no.*'
expect 2 "cannot write to '/nonexistent/file'" --json /nonexistent/file
expect 0 'usage:' --help
expect 0 'time.armed \[TIM-09\]' --list
expect 0 '1 passed, 0 failed, 0 skipped' --filter time.armed
expect 77 '0 passed, 0 failed, 1 skipped' --filter random.absent_fails_closed
expect 0 passed --filter 'time.*' --json "$work/json"
test "$(wc -l <"$work/json")" -ge 10
CK_FORK=no
export CK_FORK
expect 0 '1 passed' --filter time.armed
expect 2 'CK_FORK=no runs one case' --filter 'time.*'
