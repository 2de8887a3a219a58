// SPDX-License-Identifier: ISC
// The console as an object of the page or program that called createMirage.

import { EGONE } from './errors.js';

const decoder = new TextDecoder();

/** Lines to the developer's console, where the caller gave nothing else. */
class Lines {
	constructor() {
		this.text = '';
	}

	write(bytes) {
		this.text += decoder.decode(bytes, { stream: true });
		const lines = this.text.split('\n');
		this.text = lines.pop();
		for (const line of lines) globalThis.console.log(line);
	}

	log(level, text) {
		globalThis.console[['error', 'warn', 'info', 'debug'][level]](text);
	}

	drain() {
		if (this.text) globalThis.console.log(this.text);
	}
}

export class GivenConsole {
	constructor(given = new Lines()) {
		this.given = given;
		this.untold = []; // what could not wait and was not taken yet
		this.waiting = []; // input, until the program reads
		this.enabled = this.gone = false;
	}

	start(instance) {
		this.instance = instance;
	}

	// ------------------------------------------------------------ Output

	write(bytes) {
		if (this.gone) return EGONE;
		return this.untold.length > 0 ? 0 : this.offer(bytes.slice());
	}

	offer(bytes) {
		const taken = this.given.write(bytes) ?? bytes.length;
		this.gone ||= taken < 0;
		this.onTaken?.(taken);
		return this.gone ? EGONE : taken;
	}

	/** printf and such, which cannot wait: without a bound. */
	print(fd, bytes) {
		if (fd === 2) {
			this.log(0, decoder.decode(bytes).replace(/\n$/, ''));
			return;
		}
		this.untold.push(bytes);
		if (this.untold.length === 1) this.flush();
	}

	/** Offers again what was not taken. Returns whether nothing is left. */
	flush() {
		while (this.untold.length > 0 && !this.gone) {
			const bytes = this.untold[0];
			const taken = this.offer(bytes);
			if (taken >= 0 && taken < bytes.length) {
				this.untold[0] = bytes.subarray(taken);
				return false;
			}
			this.untold.shift();
		}
		this.untold.length = 0;
		this.flushed?.();
		return true;
	}

	log(level, text) {
		if (this.given.log) this.given.log(level, text);
		else globalThis.console.warn(text);
	}

	async drain() {
		await new Promise((resolve) => {
			this.flushed = resolve;
			this.flush();
		});
		await this.given.drain?.();
	}

	// ------------------------------------------------------------- Input

	input(bytes) {
		this.waiting.push(bytes);
		queueMicrotask(() => this.deliver());
	}

	read(enable) {
		this.enabled = enable;
		if (enable) queueMicrotask(() => this.deliver());
	}

	deliver() {
		while (this.enabled && this.waiting.length > 0) {
			const left = this.instance.feed(this.waiting[0]);
			if (left.length > 0) this.waiting[0] = left;
			else this.waiting.shift();
		}
	}
}
