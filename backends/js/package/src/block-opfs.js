// SPDX-License-Identifier: ISC
// opfs:PATH: a disk in a file of the origin's private file system (browsers, in a
// Worker), by its synchronous handle: it answers inside the call.

import { EBUSY, EINVAL, EIO, ENODEV, ENOTSUP, MirageError } from './errors.js';
import { created, exhausted, patiently } from './block-browser.js';

const ZEROES_BYTES = 65536;
const VIEWS_MAX = 256;

let zeroes = null;

/** Why there is no such file system here, or null. */
export async function missing() {
	if (!navigator.storage?.getDirectory)
		return globalThis.isSecureContext === false
			? 'pages have private files by https: or from localhost only'
			: 'this browser has no private files (OPFS)';
	if (!globalThis.FileSystemFileHandle?.prototype.createSyncAccessHandle)
		return globalThis.document
			? 'private files (OPFS) want a Worker: createMirage({ worker: true })'
			: 'this browser has no fast private files (OPFS)';
	try {
		await navigator.storage.getDirectory();
		return null;
	} catch (error) {
		return `no private files (OPFS): ${error.message}`;
	}
}

/** The file's handle; its folders are made too, unless it is to be read only. */
async function find(path, readOnly) {
	const names = path.split('/').filter((name) => name !== '');
	const last = names.pop();
	if (last === undefined)
		throw new MirageError(EINVAL, 'no path; write opfs:PATH');
	try {
		let folder = await navigator.storage.getDirectory();
		for (const name of names)
			folder = await folder.getDirectoryHandle(name, {
				create: !readOnly,
			});
		return await folder.getFileHandle(last, { create: !readOnly });
	} catch (error) {
		const texts = {
			NotFoundError: [ENODEV, 'no such disk; leave out ,ro to make it'],
			TypeMismatchError: [EINVAL, 'a file is no folder, nor a folder a disk'],
			TypeError: [EINVAL, 'no path of a file; write opfs:NAME'],
		};
		if (texts[error.name]) throw new MirageError(...texts[error.name]);
		throw error;
	}
}

async function openHandle(file, readOnly) {
	const mode = readOnly ? 'read-only' : 'readwrite';
	const handle = await patiently(async () => {
		try {
			return await file.createSyncAccessHandle({ mode });
		} catch (error) {
			if (error.name === 'NoModificationAllowedError') return null;
			throw error;
		}
	});
	if (handle) return handle;
	throw new MirageError(
		EBUSY,
		'in use by another program, here or in another tab; ' +
			'close that one, or add ,ro to both'
	);
}

export async function open({ path, readOnly, sizeBytes }, disk) {
	const why = await missing();
	if (why) throw new MirageError(ENOTSUP, `${why}; or write idb:${path}`);
	const handle = await openHandle(await find(path, readOnly), readOnly);
	try {
		return new OpfsDisk(handle, settle(handle, sizeBytes, readOnly, disk));
	} catch (error) {
		handle.close();
		throw error;
	}
}

/** Gives a new disk its size. Returns the disk's. */
function settle(handle, wanted, readOnly, disk) {
	const has = handle.getSize();
	if (has !== 0) return created(has, wanted, disk);
	if (readOnly) return 0;
	const sizeBytes = created(0, wanted, disk);
	try {
		handle.truncate(sizeBytes);
	} catch (error) {
		throw error.name === 'QuotaExceededError'
			? exhausted(sizeBytes)
			: error;
	}
	handle.flush();
	return sizeBytes;
}

function cut(what, offset) {
	return new MirageError(EIO, `a ${what} at byte ${offset} fell short`);
}

class OpfsDisk {
	constructor(handle, sizeBytes) {
		this.handle = handle;
		this.sizeBytes = sizeBytes;
		this.immediate = true;
		this.views = new Map(); // of the program's memory, by address
		// Begins as no number: else V8 would keep a double, which the browser
		// has to put in a box at each call.
		this.place = { at: undefined };
	}

	/** A view that the browser has seen before is cheaper for it. Those of a memory
	 *  that has grown since have no length any more. */
	view(memory, at, length) {
		let view = this.views.get(at);
		if (view?.length === length) return view;
		if (this.views.size === VIEWS_MAX) this.views.clear();
		view = memory.subarray(at, at + length);
		this.views.set(at, view);
		return view;
	}

	read(offset, memory, at, length, done) {
		const view = this.view(memory, at, length);
		this.place.at = offset;
		const moved = this.handle.read(view, this.place);
		done(moved === length ? null : cut('read', offset));
	}

	write(offset, memory, at, length, done) {
		const view = this.view(memory, at, length);
		this.place.at = offset;
		const moved = this.handle.write(view, this.place);
		done(moved === length ? null : cut('write', offset));
	}

	writeZeroes(offset, length, done) {
		zeroes ??= new Uint8Array(ZEROES_BYTES);
		for (let moved = 0; moved < length; ) {
			const part = zeroes.subarray(0, Math.min(length - moved, ZEROES_BYTES));
			const n = this.handle.write(part, { at: offset + moved });
			moved += n;
			if (n < part.length) {
				done(cut('write of zeroes', offset));
				return;
			}
		}
		done();
	}

	flush(done) {
		this.handle.flush();
		done();
	}

	close() {
		this.handle.close();
	}
}
