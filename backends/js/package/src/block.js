// SPDX-License-Identifier: ISC
// Between a disk's driver and the module: requests as commands, js_block_command
// of js.h, and their answers.
//
// A driver exports open(options, disk) → { sizeBytes, read, write, close } and what
// else it is able to do, see index.d.ts. One that is `immediate` answers inside the
// call and works on the program's memory itself, vector by vector. Any other gets a
// buffer for the whole request: the program's memory may move while the driver works
// (memory.grow), and belongs to nobody once the program has died.

import { Device } from './device.js';
import { errorOf } from './error-of.js';
import { EIO, ENOMEM, ENOSPC } from './errors.js';

const READ = 1;
const WRITE = 2;
const FLUSH = 3;
const DISCARD = 4;
const COMMAND_BYTES = 40;
const RESULT = 8; // word of a command
const BUFFER_MIN_BYTES = 4096;

/** struct js_block_calls. */
const CALLS = ['opened', 'closed', 'complete', 'resized', 'counters', 'fault'];

/** struct mirage_block_counters. */
const COUNTERS = [
	'reads',
	'read_bytes',
	'writes',
	'written_bytes',
	'flushes',
	'discards',
	'write_zeroes',
	'refused',
	'errors',
];

const CAP_WRITE = 1;
const CAP_FLUSH = 2;
const CAP_DISCARD = 4;
const CAP_WRITE_ZEROES = 8;
const CAP_RESIZE = 16;

function capsOf(driver, readOnly) {
	const resize = driver.resizes ? CAP_RESIZE : 0;
	if (readOnly) return resize;
	return (
		CAP_WRITE |
		(driver.flush ? CAP_FLUSH : 0) |
		(driver.discard ? CAP_DISCARD : 0) |
		(driver.writeZeroes ? CAP_WRITE_ZEROES : 0) |
		resize
	);
}

/** The other errors of hosts say that nothing was done, which nobody knows. */
function resultOf(error) {
	const result = errorOf(error);
	if (error.mirage || result === ENOSPC || result === ENOMEM) return result;
	return EIO;
}

const none = new Uint8Array(0);

/** A request under way; used again for another. */
class Request {
	constructor(block) {
		this.at = this.op = this.vectors = this.n = 0;
		this.command = 0; // word of its command, inside submit
		this.left = 0; // answers that are due
		this.error = null;
		this.buffer = none;
		this.done = (error) => block.answered(this, error);
	}

	/** A buffer for `length` bytes or more. */
	room(length) {
		if (this.buffer.length < length) {
			let size = BUFFER_MIN_BYTES;
			while (size < length) size *= 2;
			this.buffer = new Uint8Array(size);
		}
		return this.buffer;
	}
}

class Block extends Device {
	constructor(instance, at, name, wasm) {
		super(instance, at, name, wasm);
		this.counterNames = COUNTERS;
		this.words = new Uint32Array(0);
		this.memory = this.doubles = null;
		this.free = [];
		this.told = false;
	}

	async open(options) {
		const { instance, at } = this;
		let result = 0;
		try {
			const driver = await this.findDriver('blocks', options);
			this.driver = await driver.open(options, this);
		} catch (error) {
			result = errorOf(error);
			instance.putText(error.message);
			instance.devices.delete(at);
		}
		if (instance.ended) await this.abandon();
		const caps = result === 0 ? capsOf(this.driver, options.readOnly) : 0;
		const size = result === 0 ? this.driver.sizeBytes : 0;
		if (result === 0) this.findCounters();
		instance.call(this.wasm.opened, at, result, size, caps);
		instance.turn();
	}

	// -------------------------------------------------------- For drivers

	/** The driver's disk has another size now. Never from inside its calls. */
	resized(sizeBytes) {
		this.instance.call(this.wasm.resized, this.at, sizeBytes);
		this.instance.turn();
	}

	log(level, text) {
		this.instance.log(level, `block '${this.name}': ${text}`);
	}

	// ------------------------------------------------------------ Requests

	submit(commands, n) {
		if (this.words.length === 0) this.derive();
		for (let i = 0; i < n; i++, commands += COMMAND_BYTES)
			this.start(commands);
	}

	/** Views of a memory that has grown have no length any more. */
	derive() {
		const { buffer } = this.instance.memory;
		this.memory = new Uint8Array(buffer);
		this.words = new Uint32Array(buffer);
		this.doubles = new Float64Array(buffer);
	}

	start(at) {
		const { words, doubles, driver } = this;
		const word = at >>> 2;
		const request = this.free.pop() ?? new Request(this);
		request.command = word;
		request.at = words[word];
		request.op = words[word + 1];
		request.vectors = words[word + 2] >>> 2;
		request.n = words[word + 3];
		request.left = 1;
		request.error = null;
		const offset = doubles[(at >>> 3) + 2];
		const length = doubles[(at >>> 3) + 3];

		try {
			if (request.op <= WRITE) this.move(request, offset, length);
			else if (request.op === FLUSH) driver.flush(request.done);
			else if (request.op === DISCARD)
				driver.discard(offset, length, request.done);
			else driver.writeZeroes(offset, length, request.done);
		} catch (error) {
			if (request.left > 0) request.left = 1;
			request.done(error);
		}
		request.command = 0;
	}

	move(request, offset, length) {
		const { driver } = this;
		if (driver.immediate) {
			this.moveVectors(request, offset);
		} else if (request.op === READ) {
			driver.read(offset, request.room(length), 0, length, request.done);
		} else {
			this.gather(request, request.room(length));
			driver.write(offset, request.buffer, 0, length, request.done);
		}
	}

	moveVectors(request, offset) {
		const { words, memory, driver } = this;
		request.left = request.n;
		for (let i = 0, v = request.vectors; i < request.n; i++, v += 2) {
			const length = words[v + 1];
			if (request.op === READ)
				driver.read(offset, memory, words[v], length, request.done);
			else driver.write(offset, memory, words[v], length, request.done);
			offset += length;
		}
	}

	gather({ vectors: v, n }, buffer) {
		const { words, memory } = this;
		for (let at = 0; n > 0; n--, at += words[v + 1], v += 2)
			buffer.set(memory.subarray(words[v], words[v] + words[v + 1]), at);
	}

	scatter({ vectors: v, n, buffer }) {
		if (this.words.length === 0) this.derive();
		const { words, memory } = this;
		for (let at = 0; n > 0; n--, at += words[v + 1], v += 2) {
			const length = words[v + 1];
			const whole = length === buffer.length;
			memory.set(
				whole ? buffer : buffer.subarray(at, at + length),
				words[v]
			);
		}
	}

	/** `error` is what the driver's host threw, or nothing. */
	answered(request, error) {
		if (request.left === 0) return; // was answered
		request.error ??= error ?? null;
		if (--request.left > 0) return;
		const { instance } = this;
		if (instance.ended) return;
		const failed = request.error !== null;
		if (!failed && request.op === READ && !this.driver.immediate)
			this.scatter(request);
		const result = failed ? this.failure(request.error) : 0;
		this.free.push(request);
		if (request.command !== 0) this.words[request.command + RESULT] = result;
		// The program asks for a turn: one for all that the host has answered.
		else instance.call(this.wasm.complete, request.at, result);
	}

	failure(error) {
		if (!this.told)
			this.log(0, `${error.message}; further errors are counted only`);
		this.told = true;
		return resultOf(error);
	}

	// ------------------------------------------------------------- Closing

	async close() {
		const { instance, at } = this;
		try {
			await this.shut();
		} catch (error) {
			this.log(0, `closing: ${error.message}`);
		}
		instance.devices.delete(at);
		instance.call(this.wasm.closed, at);
		instance.turn();
	}

	/** At the end of the program. */
	async abandon() {
		if (this.driver) await this.shut();
	}

	/** Once: the end may come while the disk closes. */
	shut() {
		this.closing ??= this.driver.close() ?? Promise.resolve();
		return this.closing;
	}
}

/** js_block_open of js.h. */
export function open(
	instance,
	at,
	texts,
	sectorBytes,
	readOnly,
	sizeBytes,
	calls
) {
	const wasm = instance.functions(calls, CALLS);
	const block = new Block(instance, at, texts.name, wasm);
	instance.devices.set(at, block);
	return block.open({
		...texts,
		sectorBytes,
		readOnly: readOnly !== 0,
		sizeBytes,
	});
}
