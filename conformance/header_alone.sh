#!/bin/sh
# SPDX-License-Identifier: ISC
# header_alone.sh INCLUDE_DIR COMPILER [FLAG...]: each public header compiles by
# itself, twice in a row, hosted and freestanding, without a warning.
set -eu
include=$1
shift
case "$*" in
*c++*) extension=cc ;;
*) extension=c ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for header in mirage.h mirage-backend.h; do
	printf '#include <%s>\n#include <%s>\n' "$header" "$header" \
		>"$work/alone.$extension"
	for environment in -O0 -ffreestanding; do
		"$@" -Wall -Wextra -Wpedantic -Werror $environment \
			-I "$include" -fsyntax-only "$work/alone.$extension"
		echo "ok: $* $environment $header"
	done
done
