// SPDX-License-Identifier: ISC
// file:PATH: a disk in a file or on a block device (Node).

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import { errorOf } from './error-of.js';
import { EBUSY, EINVAL, EIO, ERANGE, MirageError } from './errors.js';

const openFile = promisify(fs.open);
const closeFile = promisify(fs.close);
const statFile = promisify(fs.stat);
const fstatFile = promisify(fs.fstat);

const WARN = 1;
const ZEROES_BYTES = 65536;
/** Between two looks at a file that somebody writes to. */
const REST_MS = 20;
const { O_EXCL, O_RDONLY, O_RDWR } = fs.constants;

// ------------------------------------------------------------------ Locking

const held = new Map(); // by file: readers, or -1 for a writer

/** Marks a file as in use by this process. Returns how to give it back. */
function claim(key, readOnly) {
	const users = held.get(key) ?? 0;
	if (users < 0 || (users > 0 && !readOnly)) return null;
	held.set(key, readOnly ? users + 1 : -1);
	return () => {
		const left = readOnly ? held.get(key) - 1 : 0;
		if (left > 0) held.set(key, left);
		else held.delete(key);
	};
}

/** Locks against other processes: Node has no call for it, but a lock belongs to
 *  the open file, which flock(1) inherits. Resolves with its status, or with why
 *  it could not be asked. */
function flock(fd, readOnly) {
	return new Promise((resolve) => {
		const child = spawn('flock', ['-n', readOnly ? '-s' : '-x', '3'], {
			stdio: ['ignore', 'ignore', 'ignore', fd],
		});
		child.on('error', ({ code, message }) =>
			resolve(code === 'ENOENT' ? 'flock is not installed' : message)
		);
		child.on('close', resolve);
	});
}

const inUse = () =>
	new MirageError(
		EBUSY,
		'in use by another disk or program; close that one, or add ,ro to both'
	);

// ------------------------------------------------------------------ Opening

/** What the host's errors ask of the user. */
function remedy(error, path, readOnly) {
	const right = readOnly ? 'read it' : 'write it, or add ,ro';
	const denied =
		'permission denied; give the user of this program the right to ' + right;
	const texts = {
		ENOENT: `no such file; make one with: truncate -s 64M ${path}`,
		EACCES: denied,
		EPERM: denied,
		EROFS: 'on a read-only file system; add ,ro',
		EBUSY: 'the system uses this block device; unmount it, or add ,ro',
	};
	return new MirageError(errorOf(error), texts[error.code] ?? error.message);
}

/** Only files and block devices: opening a pipe could block. */
function checkKind(stat) {
	if (stat.isFile() || stat.isBlockDevice()) return;
	const what = stat.isDirectory()
		? 'a directory'
		: 'neither a file nor a block device';
	throw new MirageError(EINVAL, `is ${what}; give a file or a block device`);
}

async function openDescriptor(path, readOnly) {
	try {
		const stat = await statFile(path);
		checkKind(stat);
		// On a block device: not while it is mounted.
		const alone = stat.isBlockDevice() && !readOnly ? O_EXCL : 0;
		return await openFile(path, (readOnly ? O_RDONLY : O_RDWR) | alone);
	} catch (error) {
		throw error.mirage ? error : remedy(error, path, readOnly);
	}
}

/** The size of a block device, which stat does not tell. */
function deviceBytes(rdev) {
	const major = Math.floor(rdev / 256) % 4096;
	const minor = (rdev % 256) + (Math.floor(rdev / 2 ** 20) % 4096) * 256;
	try {
		const file = `/sys/dev/block/${major}:${minor}/size`;
		return Number(fs.readFileSync(file, 'latin1')) * 512;
	} catch (error) {
		throw new MirageError(
			EIO,
			`the size of this block device is not known: ${error.message}`
		);
	}
}

export async function open({ path, readOnly, sectorBytes }, disk) {
	if (path === '')
		throw new MirageError(EINVAL, 'no path; write file:PATH');
	const file = new FileDisk(path, sectorBytes, disk);
	file.fd = await openDescriptor(path, readOnly);
	try {
		await file.lock(readOnly);
		await file.measure();
	} catch (error) {
		await file.close();
		throw error;
	}
	return file;
}

// ----------------------------------------------------------------- The disk

let zeroes = null;

class FileDisk {
	constructor(path, sectorBytes, disk) {
		this.path = path;
		this.sectorBytes = sectorBytes;
		this.disk = disk;
		this.busy = 0; // calls of the host under way
		this.looked = this.resizes = false;
	}

	async lock(readOnly) {
		const stat = await fstatFile(this.fd);
		this.release = claim(`${stat.dev}:${stat.ino}`, readOnly);
		if (!this.release) throw inUse();
		const status = await flock(this.fd, readOnly);
		if (status === 1) throw inUse();
		if (status !== 0)
			this.disk.log(
				WARN,
				`cannot be locked against other programs: ${status}`
			);
	}

	async measure() {
		const stat = await fstatFile(this.fd);
		this.isDevice = stat.isBlockDevice();
		this.sizeBytes = this.hostBytes = this.isDevice
			? deviceBytes(stat.rdev)
			: stat.size;
		if (!this.isDevice) this.resizes = this.watch();
	}

	// --------------------------------------------------------- Resizing

	/** Each event is followed by a rest, as our own writes are events too. */
	watch() {
		const path =
			process.platform === 'linux' ? `/proc/self/fd/${this.fd}` : this.path;
		try {
			this.watcher = fs.watch(path, { persistent: false }, () =>
				this.stirred()
			);
			this.watcher.on('error', () => {});
			return true;
		} catch {
			return false;
		}
	}

	stirred() {
		this.watcher.close();
		this.look();
		this.resting = setTimeout(() => {
			// In this order nothing is missed in between.
			this.watch();
			this.look();
		}, REST_MS);
	}

	look() {
		let size;
		try {
			size = fs.fstatSync(this.fd).size;
		} catch {
			return;
		}
		if (size === this.hostBytes) return;
		this.hostBytes = size;
		const rest = size % this.sectorBytes;
		if (rest !== 0)
			this.disk.log(
				WARN,
				`its ${size} bytes are not a multiple of the sector, ` +
					`${this.sectorBytes}; the last ${rest} are left out`
			);
		if (size - rest === this.sizeBytes) return;
		this.sizeBytes = size - rest;
		queueMicrotask(() => this.disk.resized(size - rest));
	}

	/** A write behind the end would make a truncated file grow again, so the size
	 *  is looked at before a batch that writes. */
	isBeyond(end) {
		if (!this.looked && !this.isDevice) {
			this.looked = true;
			queueMicrotask(() => (this.looked = false));
			this.look();
		}
		return end > this.sizeBytes;
	}

	// --------------------------------------------------------- Requests

	read(offset, memory, at, length, done) {
		this.busy++;
		fs.read(this.fd, memory, at, length, offset, (error, n) => {
			if (error || n === length) this.end(done, error);
			else if (n === 0) this.end(done, this.cut('read', offset));
			else this.read(offset + n, memory, at + n, length - n, this.more(done));
		});
	}

	write(offset, memory, at, length, done) {
		if (this.isBeyond(offset + length)) {
			const error = new MirageError(ERANGE, 'the file was made shorter');
			queueMicrotask(() => done(error));
			return;
		}
		this.busy++;
		fs.write(this.fd, memory, at, length, offset, (error, n) => {
			if (error || n === length) this.end(done, error);
			else if (n === 0) this.end(done, this.cut('write', offset));
			else
				this.write(offset + n, memory, at + n, length - n, this.more(done));
		});
	}

	writeZeroes(offset, length, done) {
		zeroes ??= new Uint8Array(ZEROES_BYTES);
		const n = Math.min(length, ZEROES_BYTES);
		this.busy++;
		this.write(offset, zeroes, 0, n, (error) => {
			if (error || n === length || this.quiet) this.end(done, error);
			else this.writeZeroes(offset + n, length - n, this.more(done));
		});
	}

	flush(done) {
		this.busy++;
		fs.fdatasync(this.fd, (error) => this.end(done, error));
	}

	/** `done` of a part, before which the whole is under way. */
	more(done) {
		return (error) => this.end(done, error);
	}

	cut(what, offset) {
		return new MirageError(EIO, `a ${what} at byte ${offset} fell short`);
	}

	end(done, error) {
		this.busy--;
		if (this.busy === 0) this.quiet?.();
		done(error);
	}

	// ---------------------------------------------------------- Closing

	/** The descriptor's number must not change its meaning under a call. */
	async close() {
		this.watcher?.close();
		clearTimeout(this.resting);
		if (this.busy > 0)
			await new Promise((resolve) => (this.quiet = resolve));
		await closeFile(this.fd);
		this.release?.();
	}
}
