// SPDX-License-Identifier: ISC
// The devices of the suite's cases that need neither Node nor a browser.

import { Disk } from './disk.mjs';
import { Pair } from './pair.mjs';
import { CaseConsole } from './world.mjs';

export const DISK_BYTES = 2 << 20;
export const FIXED_BYTES = 64 << 10;
export const FIXED_VALUE = 0x5a;

export function fixedDisk() {
	return new Disk(FIXED_BYTES, 'ro', FIXED_VALUE);
}

/** A wire between `a` and `b`, and what can be done to it. */
export function pair() {
	const wire = new Pair();
	return {
		networks: { a: wire.a, b: wire.b },
		link: (name, up) => wire.link(up),
		pause: (name, paused) => wire[name].pause(paused),
		inject: (name, frame) => wire[name].port?.frame(frame),
	};
}

/** Drivers that the page or program hands over. */
export async function objects() {
	const blocks = {
		small: new Disk(DISK_BYTES),
		large: new Disk(DISK_BYTES, 'sector=4096'),
		fixed: fixedDisk(),
	};
	return {
		...pair(),
		console: new CaseConsole(),
		blocks,
		resize: (name, size) => blocks[name].resize(size),
		failNext: (name, n, error) => blocks[name].failNext(n, error),
	};
}

/** Memory, and a wire. */
export async function memory() {
	return {
		...pair(),
		console: new CaseConsole(),
		blocks: {
			small: 'mem:2M',
			large: 'mem:2M,sector=4096',
			fixed: fixedDisk(),
		},
	};
}
