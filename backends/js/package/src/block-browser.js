// SPDX-License-Identifier: ISC
// What the disks of browsers have in common: their size, and what is left of the
// origin's quota.

import { ENOSPC, MirageError } from './errors.js';

const WARN = 1;
const SIZE_DEFAULT_BYTES = 64 * 2 ** 20;
const PATIENCE_MS = 2000;
const RETRY_MS = 50;

/** The size of a disk that has `has` bytes, or is new: 0. `wanted` is the user's, or
 *  0. */
export function created(has, wanted, disk) {
	if (has === 0) return wanted || SIZE_DEFAULT_BYTES;
	if (wanted !== 0 && wanted !== has)
		disk.log(
			WARN,
			`was made with ${has} bytes, which it keeps; leave out size=, or ` +
				'take another name'
		);
	return has;
}

/** Tries until `attempt` resolves with something, for a while: what a page has open
 *  outlives it a little when it is reloaded. */
export async function patiently(attempt) {
	const until = performance.now() + PATIENCE_MS;
	for (;;) {
		const got = await attempt();
		if (got || performance.now() > until) return got;
		await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
	}
}

async function left() {
	const { quota, usage } = await navigator.storage.estimate();
	return quota - usage;
}

/** Whether the browser would grant this origin `bytes` more, as far as it tells. */
export async function hasRoom(bytes) {
	try {
		return (await left()) >= bytes;
	} catch {
		return true;
	}
}

/** The error for a disk that the quota has no room for. */
export async function exhausted(bytes) {
	const granted = await left().catch(() => NaN);
	const room = Number.isNaN(granted)
		? 'no room'
		: `the browser has room for ${Math.max(0, granted)} bytes more only`;
	return new MirageError(
		ENOSPC,
		`cannot have ${bytes} bytes: ${room}; give a smaller size=, or remove ` +
			'data of this site'
	);
}
