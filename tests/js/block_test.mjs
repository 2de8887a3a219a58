// SPDX-License-Identifier: ISC
// Disks in Node: files, their locks and sizes, and what lies between a driver and a
// program.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, cleanup, done, skip, test } from './tap.mjs';

const SRC = new URL('../../backends/js/package/src/', import.meta.url);
const RUN = fileURLToPath(new URL('../bin/mirage-js-run.mjs', SRC));
const LOG = join(process.env.MIRAGE_BUILD ?? '.', 'tests/js/disk_log.wasm');

const load = (name) => import(new URL(name, SRC));
const { open: openFile } = await load('block-file.js');
const { open: openMem } = await load('block-mem.js');
const { open: openBlock } = await load('block.js');
const errors = await load('errors.js');

const SECTOR = 512;
const KIB = 1024;

const folder = fs.mkdtempSync(join(tmpdir(), 'mirage-block-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true }));

let files = 0;

function makeFile(bytes) {
	const path = join(folder, `disk-${files++}`);
	fs.writeFileSync(path, '');
	fs.truncateSync(path, bytes);
	return path;
}

/** The port of a driver: notes what it is told. */
class Port {
	constructor() {
		this.sizes = [];
		this.logged = [];
	}

	resized(size) {
		this.sizes.push(size);
		this.onResized?.(size);
	}

	log(level, text) {
		this.logged.push(text);
	}

	/** Resolves when the size is told. */
	awaitSize(size) {
		return new Promise((resolve) => {
			this.onResized = (now) => now === size && resolve();
			if (this.sizes.at(-1) === size) resolve();
		});
	}
}

async function openDisk(path, { readOnly = false, port = new Port() } = {}) {
	const options = { path, readOnly, sectorBytes: SECTOR };
	const disk = await openFile(options, port);
	cleanup(() => disk.closed || disk.close());
	return disk;
}

async function closeDisk(disk) {
	await disk.close();
	disk.closed = true;
}

const ask = (disk, verb, ...args) =>
	new Promise((resolve, reject) =>
		disk[verb](...args, (error) => (error ? reject(error) : resolve()))
	);

function refused(value, text) {
	return (error) => {
		assert.equal(error.mirage, value, error.stack);
		assert.match(error.message, text);
		return true;
	};
}

function pattern(length, seed) {
	return Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 255);
}

// -------------------------------------------------------------------- Files

await test('a file keeps what was written', async () => {
	const path = makeFile(64 * KIB);
	const disk = await openDisk(path);
	const bytes = pattern(8 * KIB, 3);
	await ask(disk, 'write', 4 * KIB, bytes, KIB, 4 * KIB);
	await ask(disk, 'flush');
	const memory = new Uint8Array(6 * KIB);
	await ask(disk, 'read', 4 * KIB, memory, KIB, 4 * KIB);
	assert.deepEqual(memory.subarray(KIB, 5 * KIB), bytes.subarray(KIB, 5 * KIB));
	assert.ok(memory.subarray(0, KIB).every((byte) => byte === 0));
	assert.ok(memory.subarray(5 * KIB).every((byte) => byte === 0));
	const file = fs.readFileSync(path);
	assert.deepEqual(file.subarray(4 * KIB, 8 * KIB), Buffer.from(bytes.buffer, KIB, 4 * KIB));
});

await test('zeroes are written over the whole range and no byte beside', async () => {
	const path = makeFile(0);
	fs.writeFileSync(path, Buffer.alloc(400 * KIB, 0xaa));
	const disk = await openDisk(path);
	await ask(disk, 'writeZeroes', SECTOR, 300 * KIB);
	const file = fs.readFileSync(path);
	const end = SECTOR + 300 * KIB;
	assert.ok(file.subarray(0, SECTOR).every((byte) => byte === 0xaa));
	assert.ok(file.subarray(SECTOR, end).every((byte) => byte === 0));
	assert.ok(file.subarray(end).every((byte) => byte === 0xaa));
	assert.equal(file.length, 400 * KIB);
});

await test('a disk that was made shorter does not grow again', async () => {
	const path = makeFile(64 * KIB);
	const port = new Port();
	const disk = await openDisk(path, { port });
	fs.truncateSync(path, 32 * KIB);
	for (const verb of ['write', 'writeZeroes']) {
		const rest = verb === 'write' ? [new Uint8Array(KIB), 0, KIB] : [KIB];
		await assert.rejects(
			ask(disk, verb, 32 * KIB, ...rest),
			refused(errors.ERANGE, /made shorter/)
		);
	}
	assert.equal(fs.statSync(path).size, 32 * KIB);
	await port.awaitSize(32 * KIB);
	await assert.rejects(
		ask(disk, 'read', 40 * KIB, new Uint8Array(KIB), 0, KIB),
		refused(errors.EIO, /a read at byte 40960 fell short/)
	);
});

await test('a change of size is noticed, again and again', async () => {
	const path = makeFile(64 * KIB);
	const port = new Port();
	const disk = await openDisk(path, { port });
	assert.ok(disk.resizes);
	for (const size of [128 * KIB, 16 * KIB, 96 * KIB]) {
		fs.truncateSync(path, size);
		await port.awaitSize(size);
	}
	fs.truncateSync(path, 80 * KIB + 100);
	await port.awaitSize(80 * KIB);
	assert.match(
		port.logged.at(-1),
		/^its 82020 bytes are not a multiple of the sector, 512; the last 100 /
	);
});

await test('a file that is none is refused with a remedy', async () => {
	const fifo = join(folder, 'fifo');
	execFileSync('mkfifo', [fifo]);
	const missing = join(folder, 'missing');
	const cases = [
		['', errors.EINVAL, /^no path; write file:PATH$/],
		[folder, errors.EINVAL, /^is a directory; give a file or a block device$/],
		[fifo, errors.EINVAL, /^is neither a file nor a block device; give /],
		['/dev/null', errors.EINVAL, /^is neither a file nor a block device; /],
		[
			missing,
			errors.ENODEV,
			/^no such file; make one with: truncate -s 64M .*missing$/,
		],
	];
	for (const [path, value, text] of cases)
		await assert.rejects(openDisk(path), refused(value, text), path);
});

await test('a program says what is wrong with its file', () => {
	if (!fs.existsSync(LOG)) skip(`${LOG} is not built`);
	const say = (uri) => {
		const { stderr, status } = spawnSync(
			process.execPath,
			[RUN, LOG, '--block', `disk=${uri}`],
			{ encoding: 'utf8', timeout: 30000 }
		);
		assert.equal(status, 1, stderr);
		return stderr;
	};
	const odd = makeFile(1000);
	assert.match(
		say(`file:${odd}`),
		/block 'disk' \(file:.*\): its 1000 bytes are not a multiple of the sector, 512; round it up with: truncate -s %4096 .*disk-/
	);
	const empty = makeFile(0);
	assert.match(
		say(`file:${empty}`),
		/its 0 bytes are less than one sector of 512; make it longer with: truncate -s 64M .*disk-/
	);
	assert.match(say('fil:x'), /unknown scheme 'fil:'; there are .*file:, mem:/);
	assert.match(say('mem:12Q'), /'12Q' is not a size/);
	assert.match(say('mem:4095T'), /no memory for \d+ bytes; give a smaller size/);
	assert.match(say(`file:${odd},size=1000`), /its 1000 bytes are not a multiple/);
});

// -------------------------------------------------------------------- Locks

const IN_USE = refused(errors.EBUSY, /^in use by another disk or program; close /);

/** Whether another program could lock the file, as the unix backend would. */
function isFree(path, how = '-x') {
	return spawnSync('flock', ['-n', how, path, 'true']).status === 0;
}

await test('a file has one writer, or readers', async () => {
	const path = makeFile(64 * KIB);
	const disk = await openDisk(path);
	await assert.rejects(openDisk(path), IN_USE);
	await assert.rejects(openDisk(path, { readOnly: true }), IN_USE);
	await closeDisk(disk);
	const readers = [
		await openDisk(path, { readOnly: true }),
		await openDisk(path, { readOnly: true }),
	];
	await assert.rejects(openDisk(path), IN_USE);
	for (const reader of readers) await closeDisk(reader);
	await openDisk(path);
});

await test('other programs keep away, and are kept away from', async () => {
	if (spawnSync('flock', ['--version']).error) skip('flock is not installed');
	const path = makeFile(64 * KIB);
	let disk = await openDisk(path);
	assert.equal(isFree(path), false);
	await closeDisk(disk);
	assert.equal(isFree(path), true);
	disk = await openDisk(path, { readOnly: true });
	assert.equal(isFree(path), false);
	assert.equal(isFree(path, '-s'), true);
	await closeDisk(disk);

	const other = spawn('flock', ['-x', path, 'sh', '-c', 'echo has; exec sleep 60'], {
		stdio: ['ignore', 'pipe', 'inherit'],
		detached: true,
	});
	const end = () => {
		const over = new Promise((resolve) => other.once('close', resolve));
		process.kill(-other.pid);
		return over;
	};
	await new Promise((resolve) => other.stdout.once('data', resolve));
	try {
		await assert.rejects(openDisk(path), IN_USE);
	} finally {
		await end();
	}
	await openDisk(path);
});

await test('without a program for locks there is a warning', async () => {
	const { PATH } = process.env;
	cleanup(async () => (process.env.PATH = PATH));
	process.env.PATH = folder;
	const port = new Port();
	const path = makeFile(64 * KIB);
	await openDisk(path, { port });
	assert.deepEqual(port.logged, [
		'cannot be locked against other programs: flock is not installed',
	]);
	await assert.rejects(openDisk(path), IN_USE);
});

await test('a disk closes when its calls are over', async () => {
	const length = 8 * KIB * KIB;
	const disk = await openDisk(makeFile(length));
	let answers = 0;
	for (let i = 0; i < 7; i++)
		disk.read(0, new Uint8Array(length), 0, length, () => answers++);
	await closeDisk(disk);
	assert.equal(answers, 7);
});

// ---------------------------------------------- Between driver and program

const COMMANDS = 1024; // where the program's memory has what
const VECTORS = 2048;
const BUFFERS = 8192;
const READ = 1;
const WRITE = 2;
const FLUSH = 3;
const LATER = 1;

/** A program as block.js sees it, with a memory that grows. */
class Program {
	constructor(driver) {
		this.memory = new WebAssembly.Memory({ initial: 1, maximum: 8 });
		this.devices = new Map();
		this.results = [];
		this.logged = [];
		this.ended = false;
		this.given = driver;
	}

	get bytes() {
		return new Uint8Array(this.memory.buffer);
	}

	async open() {
		const driver = { open: () => this.given };
		this.host = { blocks: {} };
		this.objects = new Map([['given', driver]]);
		const texts = { name: 'disk', scheme: 'object', path: 'given' };
		await openBlock(this, 64, texts, SECTOR, 0, 0, 0);
		this.block = this.devices.get(64);
	}

	functions(at, names) {
		return Object.fromEntries(names.map((name) => [name, name]));
	}

	call(name, at, result) {
		if (name === 'complete') this.results.push([at, result]);
	}

	turn() {}

	log(level, text) {
		this.logged.push(text);
	}

	/** Submits a request with vectors of [address, length]. */
	submit(request, op, offset, vectors = []) {
		const data = new DataView(this.memory.buffer);
		const words = [request, op, VECTORS, vectors.length];
		words.forEach((word, i) => data.setUint32(COMMANDS + 4 * i, word, true));
		const length = vectors.reduce((sum, vector) => sum + vector[1], 0);
		data.setFloat64(COMMANDS + 16, offset, true);
		data.setFloat64(COMMANDS + 24, length, true);
		vectors
			.flat()
			.forEach((word, i) => data.setUint32(VECTORS + 4 * i, word, true));
		data.setInt32(COMMANDS + 32, LATER, true);
		this.block.submit(COMMANDS, 1);
		const result = data.getInt32(COMMANDS + 32, true);
		if (result !== LATER) this.results.push([request, result]);
	}
}

/** A driver that notes its calls and answers when it is told to. */
class Slow {
	constructor() {
		this.sizeBytes = 65536;
		this.calls = [];
	}

	read(offset, memory, at, length, done) {
		this.calls.push({ offset, length, done, buffer: memory.subarray(at, at + length) });
	}

	write(...args) {
		this.read(...args);
	}

	flush(done) {
		this.calls.push({ done });
	}

	close() {}
}

async function programWith(driver) {
	const program = new Program(driver);
	await program.open();
	return program;
}

await test('a read in flight lands in a memory that has grown', async () => {
	const driver = new Slow();
	const program = await programWith(driver);
	program.submit(7, READ, 512, [
		[BUFFERS, 512],
		[BUFFERS + 4096, 1024],
	]);
	assert.equal(driver.calls.length, 1);
	const [call] = driver.calls;
	assert.deepEqual([call.offset, call.length], [512, 1536]);
	program.memory.grow(3);
	const bytes = pattern(1536, 9);
	call.buffer.set(bytes);
	call.done();
	assert.deepEqual(program.results, [[7, 0]]);
	const { bytes: memory } = program;
	assert.deepEqual(memory.slice(BUFFERS, BUFFERS + 512), bytes.slice(0, 512));
	assert.deepEqual(memory.slice(BUFFERS + 4096, BUFFERS + 5120), bytes.slice(512));
	for (const at of [BUFFERS - 1, BUFFERS + 512, BUFFERS + 4095, BUFFERS + 5120])
		assert.equal(memory[at], 0);
});

await test('a dead program is not written to', async () => {
	const driver = new Slow();
	const program = await programWith(driver);
	program.submit(7, READ, 0, [[BUFFERS, 4096]]);
	program.ended = true;
	driver.calls[0].buffer.fill(0xee);
	driver.calls[0].done();
	assert.deepEqual(program.results, []);
	assert.ok(program.bytes.subarray(BUFFERS).every((byte) => byte === 0));
});

await test('a write leaves as it was when it was submitted, vectors in order', async () => {
	const driver = new Slow();
	const program = await programWith(driver);
	const bytes = pattern(1536, 5);
	program.bytes.set(bytes.subarray(0, 1024), BUFFERS + 2048);
	program.bytes.set(bytes.subarray(1024), BUFFERS);
	program.submit(7, WRITE, 0, [
		[BUFFERS + 2048, 1024],
		[BUFFERS, 512],
	]);
	program.memory.grow(1);
	assert.deepEqual(driver.calls[0].buffer, bytes);
});

await test('an immediate driver moves each vector, in order', async () => {
	const program = await programWith(openMem({ name: 'disk', sizeBytes: 65536 }, { instance: {} }));
	const bytes = pattern(1536, 5);
	program.bytes.set(bytes, BUFFERS);
	program.submit(1, WRITE, 1024, [
		[BUFFERS + 512, 1024],
		[BUFFERS, 512],
	]);
	program.memory.grow(1);
	program.submit(2, READ, 1024, [[BUFFERS + 8192, 1536]]);
	assert.deepEqual(program.results, [
		[1, 0],
		[2, 0],
	]);
	const read = program.bytes.slice(BUFFERS + 8192, BUFFERS + 8192 + 1536);
	assert.deepEqual(read.slice(0, 1024), bytes.slice(512));
	assert.deepEqual(read.slice(1024), bytes.slice(0, 512));
});

await test('each request is answered once, and errors are told once', async () => {
	const driver = new Slow();
	const program = await programWith(driver);
	const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
	const bad = Object.assign(new Error('bad descriptor'), { code: 'EBADF' });
	for (const request of [1, 2, 3]) program.submit(request, FLUSH, 0);
	driver.calls[2].done();
	driver.calls[2].done();
	driver.calls[0].done(full);
	driver.calls[1].done(bad);
	assert.deepEqual(program.results, [
		[3, 0],
		[1, errors.ENOSPC],
		[2, errors.EIO],
	]);
	assert.deepEqual(program.logged, [
		"block 'disk': no space left; further errors are counted only",
	]);
});

await test('a driver that throws fails its request only', async () => {
	const driver = new Slow();
	driver.read = () => {
		throw new Error('broken');
	};
	const program = await programWith(driver);
	program.submit(1, READ, 0, [[BUFFERS, 512]]);
	program.submit(2, FLUSH, 0);
	driver.calls[0].done();
	assert.deepEqual(program.results, [
		[1, errors.EIO],
		[2, 0],
	]);
});

// ------------------------------------------------------------------ Killing

/** Runs disk_log until it has said so many lines, kills it, and returns the last
 *  record that it had flushed. */
async function killedAfter(lines, path, expect) {
	const child = spawn(
		process.execPath,
		[RUN, LOG, '--block', `disk=file:${path}`, `expect=${expect}`],
		{ stdio: ['ignore', 'pipe', 'pipe'] }
	);
	let out = '';
	let log = '';
	const over = new Promise((resolve) => child.once('close', resolve));
	child.stderr.on('data', (text) => (log += text));
	child.stdout.on('data', (text) => {
		out += text;
		if (out.split('\n').length > lines) child.kill('SIGKILL');
	});
	await over;
	assert.equal(child.signalCode, 'SIGKILL', log);
	const said = out.slice(0, out.lastIndexOf('\n')).split('\n');
	assert.match(said[0], /^found \d+$/);
	return Number(said.at(-1).split(' ')[1]);
}

await test('what was flushed outlives a kill, again and again', async () => {
	if (!fs.existsSync(LOG)) skip(`${LOG} is not built`);
	const path = makeFile(4 * KIB * KIB);
	let flushed = 0;
	for (let round = 0; round < 6; round++) {
		const now = await killedAfter(10 + 7 * round, path, flushed);
		assert.ok(now > flushed, `${now} after ${flushed}`);
		flushed = now;
	}
});

done();
