// SPDX-License-Identifier: ISC
// The names that the loader provides (js.h), so that the toolchain's linker takes
// them for defined, and no other.
mergeInto(
	LibraryManager.library,
	Object.fromEntries(
		[
			'block_close',
			'block_open',
			'block_submit',
			'clock_monotonic_ms',
			'clock_resolution_ns',
			'clock_wall_ms',
			'console_read',
			'console_write',
			'ended',
			'format_double',
			'log',
			'net_close',
			'net_open',
			'net_send',
			'random_fill',
			'started',
			'wake_at',
		].map((name) => ['js_' + name, () => {}])
	)
);
