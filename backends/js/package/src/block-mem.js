// SPDX-License-Identifier: ISC
// mem:SIZE: a disk of zeroes, gone with the program.

import { ENOMEM, MirageError } from './errors.js';

function memory(sizeBytes) {
	try {
		return new Uint8Array(sizeBytes);
	} catch {
		throw new MirageError(
			ENOMEM,
			`no memory for ${sizeBytes} bytes; give a smaller size`
		);
	}
}

/** The disks of each program, by name: one that is opened again is as it was. */
const disks = new WeakMap();

function diskOf(instance, { name, sizeBytes }) {
	if (!disks.has(instance)) disks.set(instance, new Map());
	const own = disks.get(instance);
	if (!own.has(name)) own.set(name, memory(sizeBytes));
	return own.get(name);
}

export function open(options, { instance }) {
	const { sizeBytes } = options;
	const disk = diskOf(instance, options);
	return {
		immediate: true,
		sizeBytes,
		read(offset, memory, at, length, done) {
			memory.set(disk.subarray(offset, offset + length), at);
			done();
		},
		write(offset, memory, at, length, done) {
			disk.set(memory.subarray(at, at + length), offset);
			done();
		},
		flush(done) {
			done();
		},
		discard(offset, length, done) {
			done();
		},
		writeZeroes(offset, length, done) {
			disk.fill(0, offset, offset + length);
			done();
		},
		close() {},
	};
}
