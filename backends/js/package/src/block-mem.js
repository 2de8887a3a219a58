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

export function open({ sizeBytes }) {
	const disk = memory(sizeBytes);
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
