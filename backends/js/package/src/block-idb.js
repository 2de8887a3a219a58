// SPDX-License-Identifier: ISC
// idb:NAME: a disk in IndexedDB, in extents of 64 KiB; those never written are absent
// and read as zeroes. Requests that come while a transaction is under way go into the
// next one together. What a transaction wrote is durable with the next strict one,
// which a flush is.

import { EBUSY, EINVAL, ENODEV, ENOSPC, ENOTSUP, MirageError } from './errors.js';
import { created, patiently } from './block-browser.js';

const WARN = 1;
const EXTENT_BYTES = 65536;
const PREFIX = 'mirage-disk:';
const EXTENTS = 'extents'; // by number
const ABOUT = 'about'; // sizeBytes, flushes

const READ = 'read';
const WRITE = 'write';
const FLUSH = 'flush';
const DISCARD = 'discard';
const ZERO = 'zero';

// ------------------------------------------------------------------ Opening

/** Takes the disk's lock until the returned function is called; null where somebody
 *  else has it. The lock goes with the page or Worker. */
function lock(name, readOnly) {
	return new Promise((resolve, reject) => {
		const how = {
			mode: readOnly ? 'shared' : 'exclusive',
			ifAvailable: true,
		};
		navigator.locks
			.request(name, how, (got) => {
				if (!got) return resolve(null);
				return new Promise((release) => resolve(release));
			})
			.catch(reject);
	});
}

async function lockOrWarn(name, readOnly, disk) {
	if (!navigator.locks) {
		disk.log(WARN, 'cannot be locked against other tabs in this browser');
		return () => {};
	}
	const release = await patiently(() => lock(name, readOnly));
	if (release) return release;
	throw new MirageError(
		EBUSY,
		'in use by another program, here or in another tab; ' +
			'close that one, or add ,ro to both'
	);
}

function openDatabase(name, mayCreate) {
	return new Promise((resolve, reject) => {
		const request = indexedDB.open(name, 1);
		request.onupgradeneeded = () => {
			if (!mayCreate) {
				request.transaction.abort();
				return;
			}
			request.result.createObjectStore(EXTENTS);
			request.result.createObjectStore(ABOUT);
		};
		request.onsuccess = () => resolve(request.result);
		request.onerror = () =>
			reject(
				request.error.name === 'AbortError' && !mayCreate
					? new MirageError(
							ENODEV,
							'no such disk; leave out ,ro to make it'
						)
					: request.error
			);
	});
}

/** Resolves with the value at `key` of what is known about the disk. */
function readAbout(database, key) {
	return new Promise((resolve, reject) => {
		const request = database
			.transaction(ABOUT, 'readonly')
			.objectStore(ABOUT)
			.get(key);
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

function writeAbout(database, key, value) {
	return new Promise((resolve, reject) => {
		const transaction = database.transaction(ABOUT, 'readwrite', {
			durability: 'strict',
		});
		transaction.objectStore(ABOUT).put(value, key);
		transaction.oncomplete = () => resolve();
		transaction.onabort = () => reject(transaction.error);
	});
}

/** The disk's size; a new one gets it. */
async function settle(database, wanted, readOnly, disk) {
	const has = (await readAbout(database, 'sizeBytes')) ?? 0;
	const sizeBytes = created(has, wanted, disk);
	if (has === 0 && !readOnly)
		await writeAbout(database, 'sizeBytes', sizeBytes);
	return sizeBytes;
}

export async function open({ path, readOnly, sizeBytes }, disk) {
	if (!globalThis.indexedDB)
		throw new MirageError(
			ENOTSUP,
			'this browser has no IndexedDB; write mem:64M for a disk that is ' +
				'gone with the page'
		);
	if (path === '')
		throw new MirageError(EINVAL, 'no name; write idb:NAME');
	const name = PREFIX + path;
	const release = await lockOrWarn(name, readOnly, disk);
	try {
		const database = await openDatabase(name, !readOnly);
		const has = await settle(database, sizeBytes, readOnly, disk);
		return new IdbDisk(database, has, release);
	} catch (error) {
		release();
		throw error;
	}
}

// ------------------------------------------------------------------ Batches

/** The extents that a range touches: { extent, from, to, at } for each, where from
 *  and to are within the extent and at is within the range. */
function* parts(offset, length) {
	for (let at = 0; at < length; ) {
		const extent = Math.floor((offset + at) / EXTENT_BYTES);
		const from = (offset + at) % EXTENT_BYTES;
		const to = Math.min(EXTENT_BYTES, from + length - at);
		yield { extent, from, to, at };
		at += to - from;
	}
}

/** Whole extents within a range: from first up to but not with last. */
function wholeExtents({ offset, length }) {
	const first = Math.ceil(offset / EXTENT_BYTES);
	const last = Math.floor((offset + length) / EXTENT_BYTES);
	return { first, last: Math.max(first, last) };
}

/** Requests that share a transaction: the extents that they need are loaded, changed
 *  in the order of the requests, and stored. */
class Batch {
	constructor(requests) {
		this.requests = requests;
		this.extents = new Map(); // loaded or made
		this.dirty = new Set();
		this.removed = []; // ranges of extents
		this.loading = 0;
	}

	/** Runs in `database`; `ended` gets what went wrong, or null. */
	run(database, ended) {
		const changes = this.requests.some(({ op }) => op !== READ);
		const strict = this.requests.some(({ op }) => op === FLUSH);
		this.flushes = strict;
		this.transaction = database.transaction(
			[EXTENTS, ABOUT],
			changes ? 'readwrite' : 'readonly',
			{ durability: strict ? 'strict' : 'relaxed' }
		);
		this.transaction.oncomplete = () => ended(null);
		this.transaction.onabort = () =>
			ended(this.transaction.error ?? new Error('was aborted'));
		this.store = this.transaction.objectStore(EXTENTS);
		for (const request of this.requests) this.load(request);
		if (this.loading === 0) this.apply();
	}

	load({ op, offset, length }) {
		if (op === FLUSH || op === DISCARD) return;
		for (const { extent, from, to } of parts(offset, length)) {
			const whole = to - from === EXTENT_BYTES;
			if (op !== READ && whole) continue;
			if (this.extents.has(extent)) continue;
			this.extents.set(extent, null);
			this.loading++;
			const get = this.store.get(extent);
			get.onsuccess = () => {
				this.extents.set(extent, get.result ?? null);
				if (--this.loading === 0) this.apply();
			};
		}
	}

	apply() {
		for (const request of this.requests) this[request.op](request);
		// First what is removed, as a later request may have written there.
		for (const { first, last } of this.removed)
			this.store.delete(IDBKeyRange.bound(first, last, false, true));
		for (const extent of this.dirty)
			this.store.put(this.extents.get(extent), extent);
		if (this.flushes)
			this.transaction.objectStore(ABOUT).put(Date.now(), 'flushed');
		this.transaction.commit?.();
	}

	/** An extent that is going to be changed. */
	change(extent) {
		let bytes = this.extents.get(extent);
		if (!bytes) {
			bytes = new Uint8Array(EXTENT_BYTES);
			this.extents.set(extent, bytes);
		}
		this.dirty.add(extent);
		return bytes;
	}

	[READ]({ offset, length, memory, at: base }) {
		for (const { extent, from, to, at } of parts(offset, length)) {
			const bytes = this.extents.get(extent);
			if (bytes) memory.set(bytes.subarray(from, to), base + at);
			else memory.fill(0, base + at, base + at + to - from);
		}
	}

	[WRITE]({ offset, length, memory, at: base }) {
		for (const { extent, from, to, at } of parts(offset, length))
			this.change(extent).set(
				memory.subarray(base + at, base + at + to - from),
				from
			);
	}

	[ZERO](request) {
		this[DISCARD](request);
		for (const { extent, from, to } of parts(request.offset, request.length))
			if (to - from < EXTENT_BYTES) this.change(extent).fill(0, from, to);
	}

	[DISCARD](request) {
		const { first, last } = wholeExtents(request);
		if (first === last) return;
		this.removed.push({ first, last });
		for (const extent of this.extents.keys()) {
			if (extent < first || extent >= last) continue;
			this.extents.set(extent, null);
			this.dirty.delete(extent);
		}
	}

	[FLUSH]() {}
}

// ----------------------------------------------------------------- The disk

class IdbDisk {
	constructor(database, sizeBytes, release) {
		this.database = database;
		this.sizeBytes = sizeBytes;
		this.release = release;
		this.waiting = [];
		this.running = false;
		database.onclose = () => (this.gone = true);
	}

	add(request) {
		this.waiting.push(request);
		if (this.running) return;
		this.running = true;
		queueMicrotask(() => this.next());
	}

	next() {
		const requests = this.waiting;
		this.running = requests.length > 0;
		if (!this.running) return;
		this.waiting = [];
		try {
			new Batch(requests).run(this.database, (error) =>
				this.ended(requests, error)
			);
		} catch (error) {
			this.ended(requests, error);
		}
	}

	ended(requests, error) {
		const told = error && this.told(error);
		for (const { done } of requests) done(told);
		this.next();
	}

	told(error) {
		if (error.name === 'QuotaExceededError')
			return new MirageError(
				ENOSPC,
				'the quota of this site is used up; remove some of its data, ' +
					'or take a smaller disk'
			);
		if (this.gone)
			return new Error('somebody removed the data of this site');
		return error;
	}

	read(offset, memory, at, length, done) {
		this.add({ op: READ, offset, length, memory, at, done });
	}

	write(offset, memory, at, length, done) {
		this.add({ op: WRITE, offset, length, memory, at, done });
	}

	flush(done) {
		this.add({ op: FLUSH, done });
	}

	/** Whole extents go; the rest stays as it is. */
	discard(offset, length, done) {
		this.add({ op: DISCARD, offset, length, done });
	}

	writeZeroes(offset, length, done) {
		this.add({ op: ZERO, offset, length, done });
	}

	/** The database closes when its transactions have ended. */
	close() {
		this.database.close();
		this.release();
	}
}
