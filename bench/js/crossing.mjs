// SPDX-License-Identifier: ISC
// crossing.mjs submit|out|in: what it costs to go from C to JavaScript and back,
// the core's part included, with a driver that does nothing. Prints the time and by
// how much the heap grew over a million.

import { createMirage } from 'mirage-js';
import { PROGRAM, printLone } from './rounds.mjs';

const N = 1000000;
const FRAME_BYTES = 1514;
const BATCH = 43; // what a read of 64 KiB holds

const disk = {
	open: () => ({
		sizeBytes: 1 << 20,
		read: (offset, memory, at, length, done) => done(),
		write: (offset, memory, at, length, done) => done(),
		flush: (done) => done(),
		close() {},
	}),
};

const sink = {
	open: (port) => ({
		begin: () => port.link(true),
		send: (bytes) => bytes.length,
		close() {},
	}),
};

const frame = Buffer.alloc(4 + FRAME_BYTES, 0xff);
frame.writeUInt32BE(FRAME_BYTES);
const batch = Buffer.concat(Array(BATCH).fill(frame));

/** Delivers batches, and lets the loop run between them. */
function pour(port, left) {
	for (let i = 0; i < 64 && left > 0; i++, left--) port.framed(batch);
	if (left > 0) setImmediate(pour, port, left);
}

const source = {
	open: (port) => ({
		begin() {
			port.link(true);
			setImmediate(pour, port, Math.ceil(N / BATCH));
		},
		send: (bytes) => bytes.length,
		close() {},
	}),
};

const kinds = {
	submit: [{ blocks: { disk } }, ['flush', 64, N]],
	out: [{ networks: { wire: sink } }, ['send', N]],
	in: [{ networks: { wire: source } }, ['receive', N]],
};

/** One program from its start to its end. */
async function run(what) {
	const [devices, args] = kinds[what];
	let text = '';
	const console = {
		write: (bytes) => void (text += Buffer.from(bytes)),
		log: (level, line) => process.stderr.write(line + '\n'),
	};
	const instance = await createMirage({
		wasm: PROGRAM,
		args: args.map(String),
		console,
		...devices,
	});
	const status = await instance.exited;
	if (status !== 0) throw new Error(`${what}: status ${status}`);
	return Number(text.trim().split(' ')[1]);
}

function heap() {
	for (let i = 0; i < 4; i++) gc();
	return process.memoryUsage().heapUsed;
}

/** The first run has code compiled and tables filled: the second one is steady. */
async function main(what) {
	await run(what);
	const before = heap();
	const value = await run(what);
	const grown = Math.max(heap() - before, 0);

	printLone(`node_crossing_${what}`, value, 'ns');
	printLone(`node_crossing_${what}_heap`, grown, 'bytes');
}

await main(process.argv[2]);
