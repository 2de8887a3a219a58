// SPDX-License-Identifier: ISC

const FIRST_MS = 50;
const LAST_MS = 2000;

/** How long to wait from try to try: longer each time, until a peer has spoken. */
export class Backoff {
	reset() {
		this.ms = 0;
	}

	next() {
		this.ms = this.ms ? Math.min(2 * this.ms, LAST_MS) : FIRST_MS;
		return this.ms;
	}
}
