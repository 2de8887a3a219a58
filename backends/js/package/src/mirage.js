// SPDX-License-Identifier: ISC
// One program: its memory, its imports (js.h), its way in and out. What differs
// between Node and browsers is the host's, see node.js and browser.js.

import { formatDouble } from './format.js';

/** As a program that abort() ended, for a shell. */
const STATUS_TRAP = 134;
const TEXT_BYTES = 1024;
const ARGUMENTS_BYTES = 8192;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const RANDOM_MAX_BYTES = 65536;
const WASI_ENOSYS = 52;
const EIO = -12; // of mirage.h; errors.js is loaded with devices only

const SHUTDOWN = 1;
const RESUMED = 2;
const CONSOLE = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Thrown by exit() of libc, so that nothing after it runs. */
class Exit {
	constructor(status) {
		this.status = status;
	}
}

export class Instance {
	constructor(host, console, name) {
		this.host = host;
		this.console = console;
		this.name = name;
		this.devices = new Map(); // by the address of the C struct
		this.objects = new Map(); // drivers given as objects
		this.started = this.ended = false;
		this.trap = null;
		this.deadline = Infinity;
		this.exited = new Promise((resolve) => (this.resolve = resolve));
	}

	// ------------------------------------------------------------ Memory

	/** All memory as bytes: derived anew when it has grown. */
	get bytes() {
		if (this.view.buffer !== this.memory.buffer)
			this.view = new Uint8Array(this.memory.buffer);
		return this.view;
	}

	data() {
		return new DataView(this.memory.buffer);
	}

	text(at, length = this.bytes.indexOf(0, at) - at) {
		return decoder.decode(this.bytes.subarray(at, at + length));
	}

	/** Puts a text where the module looks for it, cut where it is too long. */
	putText(text) {
		const at = this.exports.mirage_js_text();
		const to = this.bytes.subarray(at, at + TEXT_BYTES - 1);
		to[encoder.encodeInto(text, to).written] = 0;
	}

	putArguments(args) {
		const argv = this.exports.mirage_js_arguments();
		const text = encoder.encode(args.join('\0') + '\0');
		const pointers = new Uint32Array(this.memory.buffer, argv);
		let at = argv + 4 * (args.length + 1);
		if (at + text.length > argv + ARGUMENTS_BYTES)
			throw new Error(
				`the arguments take more than ${ARGUMENTS_BYTES} bytes`
			);
		this.bytes.set(text, at);
		args.forEach((arg, i) => {
			pointers[i] = at;
			at = this.bytes.indexOf(0, at) + 1;
		});
		pointers[args.length] = 0;
		return argv;
	}

	/** The functions of a table of the module, such as js_net_calls, by name. */
	functions(at, names) {
		const words = new Uint32Array(this.memory.buffer, at, names.length);
		const { __indirect_function_table: table } = this.exports;
		return Object.fromEntries(
			names.map((name, i) => [name, table.get(words[i])])
		);
	}

	// ------------------------------------------------------------ Way in

	/** Calls a function of the module from an event of JavaScript. */
	call(wasm, ...args) {
		if (this.ended) return undefined;
		try {
			return wasm(...args);
		} catch (thrown) {
			this.caught(thrown);
			return undefined;
		}
	}

	/** Ends a batch of calls: the program does what is due. */
	turn() {
		this.call(this.exports.mirage_js_turn);
	}

	caught(thrown) {
		if (thrown instanceof Exit) {
			this.finish(thrown.status);
			return;
		}
		this.trap = thrown;
		this.log(
			0,
			`${this.name}: died of a trap: ${thrown.message ?? thrown}`
		);
		this.finish(STATUS_TRAP);
	}

	main(args) {
		try {
			this.exports._initialize();
			const status = this.exports.main(
				args.length,
				this.putArguments(args)
			);
			if (!this.started) this.finish(status);
		} catch (thrown) {
			this.caught(thrown);
		}
	}

	/** Asks the program to end. */
	shutdown() {
		this.event(SHUTDOWN);
	}

	/** Says that the program has slept. */
	resumed() {
		this.event(RESUMED);
	}

	event(event) {
		this.call(this.exports.mirage_js_event, event);
		this.turn();
	}

	/** Hands input of the console to the program, which reads: none is the end.
	 *  Returns what is left, if it is too much for one call. */
	feed(bytes) {
		const part = bytes.subarray(0, TEXT_BYTES);
		this.bytes.set(part, this.exports.mirage_js_text());
		this.call(this.onInput, part.length);
		this.turn();
		return bytes.subarray(part.length);
	}

	/** Bytes for the console of a program that was given one; none is their end. */
	input(bytes) {
		this.console.input(bytes);
	}

	/** Gives the devices `name` another plan for that of --fault. */
	fault(name, plan) {
		for (const device of this.devices.values())
			if (device.name === name) device.fault(plan);
	}

	/** The counters of all devices. */
	counters() {
		return [...this.devices.values()].map((device) => ({
			name: device.name,
			...device.counters(),
		}));
	}

	/** The console takes bytes again. */
	writable() {
		if (this.console.flush?.() ?? true) this.event(CONSOLE);
	}

	readConsole(enable, onInput) {
		this.onInput = this.exports.__indirect_function_table.get(onInput);
		this.console.read?.(enable !== 0);
	}

	// ----------------------------------------------------------- Way out

	log(level, text) {
		this.console.log(level, text);
	}

	/** The end: what the console has taken is written out first. */
	finish(status) {
		if (this.ended) return;
		this.ended = true;
		this.host.clearTimeout(this.timer);
		const ends = [...this.devices.values()].map((device) =>
			device.abandon()
		);
		this.devices.clear();
		Promise.allSettled([this.console.drain?.(), ...ends]).then(() => {
			this.host.release?.();
			this.resolve(status);
		});
	}

	wakeAt(deadline) {
		if (deadline === this.deadline && deadline !== 0) return;
		this.deadline = deadline;
		this.host.clearTimeout(this.timer);
		this.timer = undefined;
		if (deadline === 0) this.host.soon(() => this.awake(0));
		else if (deadline !== Infinity) this.arm(deadline);
	}

	/** Timers of hosts may fire early: then the program asks again. */
	arm(deadline) {
		const delay = Math.ceil(deadline - this.now());
		this.timer = this.host.setTimeout(
			() => this.awake(deadline),
			Math.min(Math.max(delay, 0), TIMEOUT_MAX_MS)
		);
	}

	awake(deadline) {
		if (deadline !== this.deadline) return;
		this.deadline = NaN;
		const now = this.now();
		if (now >= deadline) this.onWake?.(deadline, now);
		this.turn();
	}

	now() {
		return this.host.now() - this.began;
	}

	formatDouble(to, size, ...args) {
		const { written } = encoder.encodeInto(
			formatDouble(...args),
			this.bytes.subarray(to, to + size)
		);
		return written;
	}

	random(at, length) {
		try {
			for (let done = 0; done < length; done += RANDOM_MAX_BYTES)
				this.host.random(
					this.bytes.subarray(
						at + done,
						at + Math.min(length, done + RANDOM_MAX_BYTES)
					)
				);
			return 0;
		} catch (error) {
			this.log(0, `random: ${error.message}`);
			return EIO;
		}
	}

	/** Opens a device: what does it is loaded when a program has one. The answer
	 *  comes later: an open may end the program, but not from inside a call. `more`
	 *  are numbers of js_net_open or js_block_open, its calls last. */
	async open(load, at, name, scheme, path, ...more) {
		const options = {
			name: this.text(name),
			scheme: this.text(scheme),
			path: this.text(path),
		};
		try {
			const { open } = await load();
			await open(this, at, options, ...more);
		} catch (error) {
			const { opened } = this.functions(more.pop(), ['opened']);
			this.putText(`a part of the loader: ${error.message}`);
			this.call(opened, at, EIO, 0, 0);
			this.turn();
		}
	}

	// ----------------------------------------------------------- Imports

	env() {
		const device = (at) => this.devices.get(at);
		const view = (at, length) => this.bytes.subarray(at, at + length);
		return {
			js_console_write: (at, length) =>
				this.console.write(view(at, length)) ?? length,
			js_console_read: (...args) => this.readConsole(...args),
			js_log: (level, at, length) =>
				this.log(level, this.text(at, length)),
			js_clock_monotonic_ms: () => this.now(),
			js_clock_resolution_ns: () => this.host.resolutionNs,
			js_clock_wall_ms: () => Date.now(),
			js_wake_at: (deadline) => this.wakeAt(deadline),
			js_format_double: (...args) => this.formatDouble(...args),
			js_random_fill: (at, length) => this.random(at, length),
			js_started: () => (this.started = true),
			js_ended: (status) => this.finish(status),
			js_net_open: (...args) =>
				this.open(() => import('./net.js'), ...args),
			js_net_send: (at, bytes, length) =>
				device(at).send(view(bytes, length)),
			js_net_close: (at) => device(at).close(),
			js_block_open: (...args) =>
				this.open(() => import('./block.js'), ...args),
			js_block_submit: (at, commands, n) =>
				device(at).submit(commands, n),
			js_block_close: (at) => device(at).close(),
			emscripten_notify_memory_growth: () => {},
			...this.imports,
		};
	}

	/** What libc wants besides: printf goes to the console, and exit() ends. */
	wasi() {
		const known = {
			fd_write: (fd, vectors, n, written) => {
				const data = this.data();
				let length = 0;
				for (let i = 0; i < n; i++, vectors += 8) {
					const at = data.getUint32(vectors, true);
					const part = data.getUint32(vectors + 4, true);
					this.console.print(fd, this.bytes.slice(at, at + part));
					length += part;
				}
				data.setUint32(written, length, true);
				return 0;
			},
			proc_exit: (status) => {
				throw new Exit(status);
			},
		};
		return new Proxy(known, {
			get: (target, name) => target[name] ?? (() => WASI_ENOSYS),
		});
	}

	async load(module) {
		const { exports } = await WebAssembly.instantiate(module, {
			env: this.env(),
			wasi_snapshot_preview1: this.wasi(),
		});
		if (!exports.mirage_js_turn || !exports.main)
			throw new Error(
				'is no program of Mirage for C: link it with mirage-js'
			);
		this.exports = exports;
		this.memory = exports.memory;
		this.view = new Uint8Array(this.memory.buffer);
		this.began = this.host.now();
	}
}

/** Devices by name: a URI, or a driver as an object, see index.d.ts. */
function deviceArguments(instance, option, devices = {}) {
	return Object.entries(devices).flatMap(([name, device]) => {
		if (typeof device === 'string') return [option, `${name}=${device}`];
		const key = `${option.slice(2)}-${name}`;
		const more = device.options ? ',' + device.options : '';
		instance.objects.set(key, device);
		return [option, `${name}=object:${key}${more}`];
	});
}

export async function create(options, host) {
	const name = options.name ?? 'mirage';
	const instance = new Instance(host, host.console(options.console), name);
	instance.imports = options.imports?.(instance);
	try {
		await instance.load(await host.module(options.wasm));
	} catch (error) {
		const from = options.wasm;
		const named = typeof from === 'string' || from instanceof URL;
		const where = named ? `${from}: ` : '';
		throw new Error(`${name}: ${where}${error.message}`, { cause: error });
	}
	instance.onWake = options.onWake;
	instance.console.start?.(instance);
	host.hold?.(instance);
	instance.main([
		name,
		...deviceArguments(instance, '--net', options.networks),
		...deviceArguments(instance, '--block', options.blocks),
		...(options.args ?? []),
	]);
	return instance;
}
