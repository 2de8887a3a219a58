// SPDX-License-Identifier: ISC
// Between a disk's driver and the module: requests as commands, js_block_command
// of js.h, one call of the driver for each vector.

import { Device } from './device.js';
import { EIO, errorOf } from './errors.js';

const READ = 1;
const WRITE = 2;
const FLUSH = 3;
const DISCARD = 4;
const COMMAND_BYTES = 32;

/** struct js_block_calls. */
const CALLS = [
	'opened',
	'closed',
	'complete',
	'resized',
	'counters',
	'fault',
];

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

class Block extends Device {
	constructor(instance, at, name, wasm) {
		super(instance, at, name, wasm);
		this.counterNames = COUNTERS;
		this.told = false;
	}

	async open(options) {
		const { instance, at } = this;
		let result = 0;
		try {
			const { open } = await instance.driver('blocks', options);
			this.driver = await open(options, this);
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

	/** The driver's disk has another size now. */
	resized(sizeBytes) {
		this.instance.call(this.wasm.resized, this.at, sizeBytes);
		this.instance.turn();
	}

	submit(commands, n) {
		this.submitting = true;
		for (let i = 0; i < n; i++, commands += COMMAND_BYTES)
			this.start(commands);
		this.submitting = false;
	}

	start(at) {
		const data = this.instance.data();
		const request = data.getUint32(at, true);
		const op = data.getUint32(at + 4, true);
		const vectors = data.getUint32(at + 8, true);
		const n = data.getUint32(at + 12, true);
		const offset = data.getFloat64(at + 16, true);
		const length = data.getFloat64(at + 24, true);
		const done = (error) => this.complete(request, error);

		try {
			if (op === READ || op === WRITE)
				this.move(op, offset, vectors, n, data, done);
			else if (op === FLUSH) this.driver.flush(done);
			else if (op === DISCARD) this.driver.discard(offset, length, done);
			else this.driver.writeZeroes(offset, length, done);
		} catch (error) {
			done(error);
		}
	}

	/** Reads or writes; with several vectors `done` runs after the last one. */
	move(op, offset, vectors, n, data, done) {
		const verb = op === READ ? 'read' : 'write';
		let left = n;
		let first = null;
		const each =
			n === 1
				? done
				: (error) => {
						first ??= error ?? null;
						if (--left === 0) done(first);
					};
		for (let i = 0; i < n; i++, vectors += 8) {
			const length = data.getUint32(vectors + 4, true);
			this.driver[verb](
				offset,
				this.instance.bytes,
				data.getUint32(vectors, true),
				length,
				each
			);
			offset += length;
		}
	}

	/** `error` is what the driver's host threw, or nothing. */
	complete(request, error) {
		const { instance } = this;
		if (error && !this.told) {
			this.told = true;
			instance.log(
				0,
				`block '${this.name}': ${error.message}; ` +
					'further errors are counted only'
			);
		}
		const result = error ? errorOf(error) : 0;
		instance.call(this.wasm.complete, request, result);
		if (!this.submitting) instance.turn();
	}

	async close() {
		const { instance, at } = this;
		try {
			await this.driver.close();
		} catch (error) {
			instance.log(0, `block '${this.name}': closing: ${error.message}`);
		}
		instance.devices.delete(at);
		instance.call(this.wasm.closed, at);
		instance.turn();
	}

	/** At the end of the program. */
	async abandon() {
		await this.driver?.close();
	}
}

/** Opens the disk at `at` in the module, with its table of calls. */
export function open(instance, at, options, calls) {
	const wasm = instance.functions(calls, CALLS);
	const block = new Block(instance, at, options.name, wasm);
	instance.devices.set(at, block);
	return block.open(options);
}

/** For drivers: a transfer that was cut short. */
export function shortTransfer(done, length) {
	return new Error(`moved ${done} of ${length} bytes`, { cause: EIO });
}
