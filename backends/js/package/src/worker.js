// SPDX-License-Identifier: ISC
// The Worker's side of a program in a Worker (remote.js): there disks in the origin's
// private file system have their fast handles, and a busy program leaves the page
// alone. Messages are { type, … }: the page sends start, input, taken, shutdown and
// resumed; the Worker sends started, failed, write, log and exited.

import { createMirage } from './browser.js';
import { EGONE } from './errors.js';

/** Output on its way to the page. */
const QUEUE_BYTES = 65536;

let instance = null;

class PageConsole {
	constructor() {
		this.room = QUEUE_BYTES;
		this.begun = this.short = this.gone = false;
	}

	write(bytes) {
		if (this.gone) return EGONE;
		const taken = Math.min(bytes.length, Math.max(this.room, 0));
		this.short ||= taken < bytes.length;
		if (taken > 0) this.print(1, bytes.slice(0, taken));
		return taken;
	}

	/** printf and such, which cannot wait: without a bound. */
	print(fd, bytes) {
		this.begin();
		this.room -= bytes.length;
		postMessage({ type: 'write', bytes });
	}

	log(level, text) {
		this.begin();
		postMessage({ type: 'log', level, text });
	}

	/** The page has its instance before the program's first words. */
	begin() {
		if (!this.begun) postMessage({ type: 'started' });
		this.begun = true;
	}

	/** The page has read `n` bytes, or will never read again. */
	taken(n) {
		this.gone ||= n < 0;
		this.room += Math.max(n, 0);
		if (!this.short || this.room < QUEUE_BYTES / 2) return;
		this.short = false;
		instance?.writable();
	}
}

const console = new PageConsole();

async function start(options) {
	try {
		instance = await createMirage({ ...options, console });
	} catch (error) {
		postMessage({ type: 'failed', message: error.message });
		return;
	}
	console.begin();
	const status = await instance.exited;
	const trap = instance.trap && String(instance.trap);
	postMessage({ type: 'exited', status, trap });
}

const handlers = {
	start,
	input: ({ bytes }) => instance?.input(bytes),
	taken: ({ taken }) => console.taken(taken),
	shutdown: () => instance?.shutdown(),
	resumed: () => instance?.resumed(),
};

addEventListener('message', ({ data }) => handlers[data.type]?.(data));
