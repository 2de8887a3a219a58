// SPDX-License-Identifier: ISC
// What fixture_js.c imports from the runner in tests/js/conformance, so that the
// toolchain's linker takes it for defined.
mergeInto(
	LibraryManager.library,
	Object.fromEntries(
		[
			'able',
			'console_gone',
			'console_input',
			'console_log',
			'console_output',
			'console_pause',
			'fail_next',
			'inject',
			'link',
			'pause',
			'resize',
			'shutdown',
			'suspend',
		].map((name) => ['world_' + name, () => {}])
	)
);
