# SPDX-License-Identifier: ISC
# The front door: installs what is missing, then calls meson.
BUILD ?= build

COMPILE = tools/build $(BUILD)
TEST = meson test -C $(BUILD) --print-errorlogs

help:
	@echo 'make demo                everything at work, in two minutes'
	@echo 'make demo-xen            a homepage as a guest of a real Xen, in QEMU'
	@echo 'make playground          a page for teaching: nodes in the browser'
	@echo 'make test                all tests, of all backends'
	@echo 'make bench               speed, against the raw system interface'
	@echo 'make bench-net           of TCP and HTTP, against Linux'
	@echo 'make bench-js            of the JavaScript backend, against plain scripts'
	@echo 'make bench-xen           of Xen guests, against a Linux guest'
	@echo
	@echo 'make test-unix           the tests of one backend'
	@echo 'make test-sim'
	@echo 'make test-js             in Node and in Chromium'
	@echo 'make test-xen            all tests of guests, on a real Xen in QEMU'
	@echo 'make test-conformance    the conformance suite, on every backend'
	@echo 'make conformance-report  the table of cases and backends'
	@echo 'make install-deps        installs what all of these need'
	@echo 'make format              clang-format over the tree'
	@echo 'make clean'

demo:
	@tools/setup build demo
	@$(COMPILE)
	@tools/demo $(BUILD)

demo-xen:
	@tools/setup build xen
	@tools/demo-xen build-xen

test:
	@tools/setup build test
	@tools/check

playground:
	@tools/setup build js
	@tools/playground

bench:
	@tools/setup build bench
	@$(COMPILE)
	@meson compile -C $(BUILD) bench

bench-net:
	@tools/setup build bench
	@$(COMPILE)
	@meson compile -C $(BUILD) bench-net

bench-js:
	@tools/setup build js
	@tools/bench-js

bench-xen:
	@tools/setup build xen bench
	@tools/bench-xen

test-unix test-sim test-conformance:
	@tools/setup build test
	@$(COMPILE)
	@$(TEST) --suite $(@:test-%=%)

test-xen:
	@tools/setup build xen
	@tools/check-xen

test-js:
	@tools/setup build js
	@tools/check-js

conformance-report:
	@tools/setup build test
	@$(COMPILE)
	@meson compile -C $(BUILD) conformance-report

install-deps:
	@tools/setup build demo test bench format

format:
	@tools/setup format
	@git ls-files '*.[ch]' | xargs clang-format -i

clean:
	rm -rf build build-asan build-fuzz build-js build-playground build-xen

.PHONY: help demo demo-xen playground test bench bench-net bench-js bench-xen test-unix test-sim test-js \
	test-xen test-conformance conformance-report install-deps format clean
