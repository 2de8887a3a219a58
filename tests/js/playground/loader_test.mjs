// SPDX-License-Identifier: ISC
// What the playground has from the loader: counters, timers and new fault plans of a
// running program; in Node.

import { join } from 'node:path';
import { createMirage } from 'mirage-js';
import { assert, done, test } from '../tap.mjs';

const BUILD = process.env.MIRAGE_BUILD;
const PIECE_BYTES = 128 * 1024;

/** disk, from a disk whose first read waits for `release`, to another. */
async function startDisk(args) {
	const log = [];
	let release;
	const gate = new Promise((resolve) => (release = resolve));
	let asked;
	const reading = new Promise((resolve) => (asked = resolve));
	const slow = {
		open: () => ({
			sizeBytes: 8 * PIECE_BYTES,
			async read(offset, memory, at, length, answer) {
				asked();
				await gate;
				answer();
			},
			write: (offset, memory, at, length, answer) => answer(),
			close() {},
		}),
	};
	const wakes = [];
	const instance = await createMirage({
		wasm: join(BUILD, 'examples/disk.wasm'),
		name: 'disk',
		args,
		blocks: { from: slow, to: 'mem:1M' },
		console: { write() {}, log: (level, line) => log.push(line) },
		onWake: (due, now) => wakes.push({ due, now }),
		signals: false,
	});
	await reading;
	return { instance, release, log, wakes };
}

const device = (instance, name) =>
	instance.counters().find((one) => one.name === name);

await test('counters of a running program', async () => {
	// The flush, which is request 9, never ends.
	const { instance, release } = await startDisk(['--fault', 'to=stall=9']);
	assert.equal(device(instance, 'from').reads, 0);
	release();
	for (let i = 0; device(instance, 'to').writes < 8 && i < 1000; i++)
		await new Promise((resolve) => setTimeout(resolve, 5));
	const expected = {
		name: 'to',
		reads: 0,
		read_bytes: 0,
		writes: 8,
		written_bytes: 8 * PIECE_BYTES,
		flushes: 0,
		discards: 0,
		write_zeroes: 0,
		refused: 0,
		errors: 0,
	};
	assert.deepEqual(device(instance, 'to'), expected);
	assert.equal(device(instance, 'from').read_bytes, 8 * PIECE_BYTES);
	instance.shutdown();
	assert.equal(await instance.exited, 1);
	assert.deepEqual(instance.counters(), []);
});

await test('another plan takes effect at once, and counts anew', async () => {
	const plan = ['--fault', 'to=fail=1'];
	const { instance, release, log } = await startDisk(plan);
	assert.throws(() => instance.fault('to', 'drop=1'), /a block takes fail/);
	assert.throws(
		() => instance.fault('from', 'fail=1'),
		/started without faults; start the program with --fault NAME=PLAN/
	);
	instance.fault('to', 'fail=3:ENOSPC');
	release();
	assert.equal(await instance.exited, 1);
	assert.deepEqual(log, [
		`disk: error: block 'to': write at ${2 * PIECE_BYTES}: ` +
			'no space left behind the device',
	]);
});

await test('timers are told when they run, never early', async () => {
	const plan = ['--fault', 'to=delay=5ms'];
	const { instance, release, wakes } = await startDisk(plan);
	release();
	assert.equal(await instance.exited, 0);
	const timers = wakes.filter(({ due }) => due > 0);
	assert(timers.length > 0);
	for (const { due, now } of timers) assert(now >= due, `${now} < ${due}`);
});

done();
