// SPDX-License-Identifier: ISC
// crossing.mjs submit|flush|out|in: what it costs to go from C to JavaScript and back,
// the core's part included, with a driver that does nothing. Prints the time, by how
// much the heap grew over a million, and what was garbage in it: that of the views of
// each batch, of 43 or 64 frames, is there; that of frames would be ten times as much.

import { GCProfiler } from 'node:v8';
import { createMirage } from 'mirage-js';
import { PROGRAM, printLone } from './rounds.mjs';

const N = 1000000;
// V8 optimizes functions, and lets go of what it optimized them from some collections
// later: kilobytes in either direction, for looking at the heap, too. From the third
// million on nothing has been seen to change.
const WARM_LOOKS = 50;
const WARM_MILLIONS = 9;
const MILLIONS = WARM_MILLIONS + 2; // for the heap, then for garbage
const FRAME_BYTES = 1514;
const HEADER_BYTES = 4;
const BATCH = 43; // what a read of 64 KiB holds

const frame = Buffer.alloc(HEADER_BYTES + FRAME_BYTES, 0xff);
frame.writeUInt32BE(FRAME_BYTES);
const batch = Buffer.concat(Array(BATCH).fill(frame));

/** Looks at the heap after each million; null where only time is looked at. */
let probe = null;

function heap() {
	for (let i = 0; i < 4; i++) gc();
	return process.memoryUsage().heapUsed;
}

/** Called by the drivers with what has crossed. */
function crossed(n) {
	if (probe === null) return;
	probe.n += n;
	if (probe.n < (probe.heaps.length + 1) * N) return;
	probe.heaps.push(heap());
	if (probe.heaps.length === MILLIONS - 1) probe.profiler.start();
	if (probe.heaps.length === MILLIONS)
		probe.collections = probe.profiler.stop().statistics;
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

/** Delivers batches until the program ends, and lets the loop run between them. */
function pour(port, network) {
	for (let i = 0; i < 64; i++) {
		port.framed(batch);
		crossed(BATCH);
	}
	if (network.open) setImmediate(pour, port, network);
}

const source = {
	open: (port) => ({
		open: true,
		begin() {
			port.link(true);
			setImmediate(pour, port, this);
		},
		send: (bytes) => bytes.length,
		close() {
			this.open = false;
		},
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

/** What was garbage at the end of the last million was collected by heap(). */
function printHeap(name, { heaps, collections }) {
	const young = collections.filter(({ gcType }) => gcType === 'Scavenge');
	const used = ({ heapStatistics }) => heapStatistics.usedHeapSize;
	const garbage = collections.reduce(
		(sum, { beforeGC, afterGC }) => sum + used(beforeGC) - used(afterGC),
		0
	);
	const grown = heaps[WARM_MILLIONS] - heaps[WARM_MILLIONS - 1];
	printLone(`${name}_heap`, grown, 'bytes');
	printLone(`${name}_collections`, young.length, 'collections');
	printLone(`${name}_garbage`, garbage / N, 'bytes');
}

/** The first run has code compiled, the second is timed, the third looks at the heap:
 *  collecting garbage takes time. */
async function main(what) {
	const name = `node_crossing_${what}`;
	await run(what, N);
	printLone(name, await run(what, N), 'ns');
	if (what === 'submit') return;
	for (let i = 0; i < WARM_LOOKS; i++) heap();
	probe = { n: 0, heaps: [], profiler: new GCProfiler() };
	await run(what, MILLIONS * N + BATCH * 64);
	printHeap(name, probe);
}

await main(process.argv[2]);
