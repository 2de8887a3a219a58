// SPDX-License-Identifier: ISC
// The console as an object of the page or program that called createMirage.

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
		this.waiting = [];
		this.enabled = false;
	}

	start(instance) {
		this.instance = instance;
	}

	write(bytes) {
		return this.given.write(bytes.slice());
	}

	print(fd, bytes) {
		if (fd === 2) this.log(0, decoder.decode(bytes).replace(/\n$/, ''));
		else this.given.write(bytes);
	}

	log(level, text) {
		if (this.given.log) this.given.log(level, text);
		else globalThis.console.warn(text);
	}

	/** Input of the page waits here until the program reads. */
	input(bytes) {
		this.waiting.push(bytes);
		queueMicrotask(() => this.deliver());
	}

	read(enable) {
		this.enabled = enable;
		if (enable) queueMicrotask(() => this.deliver());
	}

	deliver() {
		while (this.enabled && this.waiting.length > 0)
			this.instance.input(this.waiting.shift());
	}

	drain() {
		return this.given.drain?.();
	}
}
