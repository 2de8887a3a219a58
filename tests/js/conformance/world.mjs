// SPDX-License-Identifier: ISC
// What the conformance suite's program imports (conformance/fixture_js.c): the world
// of one case. Nothing is done from inside an import, but soon after.

/** Bits of enum conf_need, conformance.h. */
const ABLE = {
	link: 1 << 8,
	pause: 1 << 9,
	resize: 1 << 12,
	failNext: 1 << 15,
	pauseConsole: 1 << 20,
	closeConsole: 1 << 21,
	inject: 1 << 23,
};

/** A console whose reader is the case: like a pipe, nobody reads by himself. */
export class CaseConsole {
	constructor() {
		this.output = [];
		this.log_ = [];
		this.unread = 0;
		this.paused = this.gone = false;
	}

	/** As createMirage wants it. */
	get given() {
		return {
			write: (bytes) => this.take(bytes),
			log: (level, text) =>
				this.log_.push(...new TextEncoder().encode(text + '\n')),
		};
	}

	take(bytes) {
		if (this.gone) return -1;
		const room = this.paused ? CaseConsole.ROOM - this.unread : Infinity;
		const taken = Math.min(bytes.length, room);
		if (this.paused) this.unread += taken;
		for (let i = 0; i < taken; i++) this.output.push(bytes[i]);
		return taken;
	}

	read() {
		const end = this.output.length - (this.paused ? this.unread : 0);
		return this.output.slice(0, end);
	}

	readLog() {
		return this.log_;
	}

	input(bytes, instance) {
		instance.input(bytes);
	}

	pause(paused, instance) {
		this.paused = paused;
		this.unread = 0;
		if (!paused) instance.writable();
	}

	close() {
		this.gone = true;
	}

	dispose() {}
}
CaseConsole.ROOM = 65536;

/** `fixture` does what it is able to, by the names in ABLE. */
export class World {
	constructor(fixture, console) {
		this.fixture = fixture;
		this.console = console;
	}

	able() {
		let bits = 0;
		for (const [name, bit] of Object.entries(ABLE))
			if (this.fixture[name]) bits |= bit;
		if (this.console.pause) bits |= ABLE.pauseConsole;
		if (this.console.close) bits |= ABLE.closeConsole;
		return bits;
	}

	soon(what) {
		setTimeout(() => this.over || what(), 0);
		return 1;
	}

	copy(from, at, length, bytes) {
		const part = bytes.slice(from, from + length);
		this.instance.bytes.set(part, at);
		return part.length;
	}

	imports(instance) {
		this.instance = instance;
		const { fixture, console } = this;
		const text = (at) => instance.text(at);
		const bytes = (at, length) => instance.bytes.slice(at, at + length);
		return {
			world_able: () => this.able(),
			world_link: (name, up) =>
				this.soon(() => fixture.link(text(name), up !== 0)),
			world_pause: (name, paused) => {
				if (paused) fixture.pause(text(name), true);
				else this.soon(() => fixture.pause(text(name), false));
				return 1;
			},
			world_inject: (name, at, length) => {
				const frame = bytes(at, length);
				return this.soon(() => fixture.inject(text(name), frame));
			},
			world_resize: (name, size) =>
				this.soon(() => fixture.resize(text(name), size)),
			world_fail_next: (name, n, error) => {
				fixture.failNext(text(name), n, error);
				return 1;
			},
			world_shutdown: () => this.soon(() => instance.shutdown()),
			world_suspend: () => this.soon(() => instance.resumed()),
			world_console_input: (at, length) => {
				console.input(bytes(at, length), instance);
				return 1;
			},
			world_console_output: (from, at, length) =>
				this.copy(from, at, length, console.read()),
			world_console_log: (from, at, length) =>
				this.copy(from, at, length, console.readLog()),
			world_console_pause: (paused) => {
				if (paused) console.pause(true, instance);
				else this.soon(() => console.pause(false, instance));
				return 1;
			},
			world_console_gone: () => {
				console.close();
				return 1;
			},
		};
	}
}
