// SPDX-License-Identifier: ISC
// mem:SIZE: a disk of zeroes, gone with the program.

export function open({ sizeBytes }) {
	const disk = new Uint8Array(sizeBytes);
	return {
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
