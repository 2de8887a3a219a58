// SPDX-License-Identifier: ISC
// A disk in memory, as a driver for createMirage, which can fail and change its size.
// It answers later, as real ones do.

import { MirageError } from '../../../backends/js/package/src/errors.js';

export class Disk {
	constructor(sizeBytes, options = '', value = 0) {
		this.sizeBytes = sizeBytes;
		this.options = options;
		this.bytes = new Uint8Array(sizeBytes).fill(value);
		this.resizes = true;
		this.failures = 0;
	}

	open(options, disk) {
		this.disk = disk;
		return this;
	}

	resize(sizeBytes) {
		const bytes = new Uint8Array(sizeBytes);
		bytes.set(this.bytes.subarray(0, sizeBytes));
		this.bytes = bytes;
		this.sizeBytes = sizeBytes;
		this.disk?.resized(sizeBytes);
	}

	failNext(n, error) {
		this.failures = n;
		this.error = error;
	}

	answer(done, work) {
		queueMicrotask(() => {
			if (this.failures > 0) {
				this.failures -= 1;
				done(new MirageError(this.error, 'as the test wants'));
				return;
			}
			work?.();
			done();
		});
	}

	read(offset, memory, at, length, done) {
		this.answer(done, () =>
			memory.set(this.bytes.subarray(offset, offset + length), at)
		);
	}

	write(offset, memory, at, length, done) {
		this.answer(done, () =>
			this.bytes.set(memory.subarray(at, at + length), offset)
		);
	}

	flush(done) {
		this.answer(done);
	}

	discard(offset, length, done) {
		this.answer(done);
	}

	writeZeroes(offset, length, done) {
		this.answer(done, () => this.bytes.fill(0, offset, offset + length));
	}

	close() {
		this.disk = null;
	}
}
