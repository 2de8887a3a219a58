// SPDX-License-Identifier: ISC
// What the disks of browsers have in common.

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

/** The error for what the origin's quota has no room for. How much it has, browsers
 *  keep from pages. */
export function exhausted(bytes) {
	return new MirageError(
		ENOSPC,
		`the browser does not grant ${bytes} bytes; give a smaller size=, or ` +
			'remove data of this site'
	);
}
