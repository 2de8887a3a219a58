// SPDX-License-Identifier: ISC
// crossing.mjs submit|flush|out|in: what it costs to go from C to JavaScript and back,
// the core's part included, with a driver that does nothing. Prints the time and by
// how much the heap grew over a million.

import { createMirage } from 'mirage-js';
import { PROGRAM, printLone } from './rounds.mjs';

const N = 1000000;
const WARM = 100000; // after which nothing is new any more
const FRAME_BYTES = 1514;
const HEADER_BYTES = 4;
const BATCH = 43; // what a read of 64 KiB holds

const frame = Buffer.alloc(HEADER_BYTES + FRAME_BYTES, 0xff);
frame.writeUInt32BE(FRAME_BYTES);
const batch = Buffer.concat(Array(BATCH).fill(frame));

/** How the heap has grown from WARM things on; null where only time is looked at. */
let probe = null;

function heap() {
	for (let i = 0; i < 4; i++) gc();
	return process.memoryUsage().heapUsed;
}

/** Called by the drivers with what has crossed. */
function crossed(n) {
	if (probe === null) return;
	probe.n += n;
	if (probe.before === undefined && probe.n >= WARM) probe.before = heap();
	if (probe.after === undefined && probe.n >= WARM + N) probe.after = heap();
}

const disk = {
	open: () => ({
		sizeBytes: 1 << 20,
		read: (offset, memory, at, length, done) => done(),
		write: (offset, memory, at, length, done) => done(),
		flush(done) {
			crossed(1);
			done();
		},
		close() {},
	}),
};

const sink = {
	open: (port) => ({
		begin: () => port.link(true),
		send(bytes) {
			crossed(bytes.length / frame.length);
			return bytes.length;
		},
		close() {},
	}),
};

/** Delivers batches, and lets the loop run between them. */
function pour(port, left) {
	for (let i = 0; i < 64 && left > 0; i++, left--) {
		port.framed(batch);
		crossed(BATCH);
	}
	if (left > 0) setImmediate(pour, port, left);
}

const source = {
	open: (port) => ({
		begin() {
			port.link(true);
			setImmediate(pour, port, Math.ceil((WARM + 2 * N) / BATCH));
		},
		send: (bytes) => bytes.length,
		close() {},
	}),
};

const kinds = {
	submit: [{ blocks: { disk } }, ['submit']],
	flush: [{ blocks: { disk } }, ['flush', 64]],
	out: [{ networks: { wire: sink } }, ['send']],
	in: [{ networks: { wire: source } }, ['receive']],
};

/** One program from its start to its end: `n` things. */
async function run(what, n) {
	const [devices, args] = kinds[what];
	let text = '';
	const console = {
		write: (bytes) => void (text += Buffer.from(bytes)),
		log: (level, line) => process.stderr.write(line + '\n'),
	};
	const instance = await createMirage({
		wasm: PROGRAM,
		args: [...args, n].map(String),
		console,
		...devices,
	});
	const status = await instance.exited;
	if (status !== 0) throw new Error(`${what}: status ${status}`);
	return Number(text.trim().split(' ')[1]);
}

/** The first run has code compiled, the second is timed, the third looks at the heap:
 *  collecting garbage takes time. */
async function main(what) {
	await run(what, N);
	printLone(`node_crossing_${what}`, await run(what, N), 'ns');
	if (what === 'submit') return;
	probe = { n: 0 };
	await run(what, WARM + N + BATCH * 64);
	const grown = Math.max(probe.after - probe.before, 0);
	printLone(`node_crossing_${what}_heap`, grown, 'bytes');
}

await main(process.argv[2]);
