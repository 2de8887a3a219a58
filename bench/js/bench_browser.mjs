#!/usr/bin/env node
// SPDX-License-Identifier: ISC
// The JavaScript backend in Chromium against plain Workers.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage, serveLoader } from '../../tests/js/chromium.mjs';
import { BUILD, compare, worst } from './rounds.mjs';

// More than half a second for both sides: 100,000 reads are over before all of the
// code is optimized, of which a program has more than a loop has; 0.03 of the ratio.
const READS = 500000;
const FRAMES = 200000;
const SPARE_FRAMES = 20000;
const BEGIN_MS = 500;

/** In the page: starts a program in a Worker; `globalThis.figure` will be what it
 *  prints. */
async function startOurs({ args, networks, blocks }) {
	const { createMirage } = await import('mirage-js');
	let text = '';
	const instance = await createMirage({
		wasm: '/bench/bench_js.wasm',
		worker: true,
		args: args.map(String),
		networks,
		blocks,
		console: {
			write: (bytes) => void (text += new TextDecoder().decode(bytes)),
			log: (level, line) => console.error(line),
		},
	});
	globalThis.figure = instance.exited.then((status) => {
		if (status !== 0) throw new Error(`bench_js: status ${status}`);
		return Number(text.trim().split(' ').at(-1));
	});
}

/** In the page: the same of plain_worker.js. */
function startTheirs(question) {
	const worker = new Worker('/js/plain_worker.js');
	globalThis.figure = new Promise((resolve, reject) => {
		worker.onerror = (event) => reject(new Error(event.message));
		worker.onmessage = ({ data }) => {
			worker.terminate();
			resolve(data);
		};
		worker.postMessage(question);
	});
}

const server = await serveLoader({
	roots: {
		bench: `${BUILD}/bench/js`,
		js: fileURLToPath(new URL('.', import.meta.url)),
	},
});
// Without a profile private files are in another process's memory: slower.
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'mirage-bench-'));
const browser = await launch({ profile });
const page = await openPage(browser, server);
const figure = () => page.evaluate(() => globalThis.figure);

async function mirage(options) {
	await page.evaluate(startOurs, options);
	return figure();
}

async function plain(question) {
	await page.evaluate(startTheirs, question);
	return figure();
}

async function opfs() {
	const blocks = { disk: 'opfs:bench.img,size=64M' };
	for (const [name, depth] of [['', 1], ['_qd32', 32]])
		await compare(
			`opfs_block_randread_4k${name}`,
			'reads/s',
			'Worker',
			() => mirage({ blocks, args: ['read', depth, READS] }),
			() => plain({ what: 'read', name: 'bench.img', n: READS })
		);
}

let channels = 0;

/** One round on a channel of its own: the receiver's figure. It has time to open
 *  its network; were a message lost all the same, there are more. */
async function round(startReceiver, startSender) {
	const channel = `bench-${channels++}`;
	await startReceiver(channel, FRAMES);
	const received = figure();
	await page.waitForTimeout(BEGIN_MS);
	await startSender(channel, FRAMES + SPARE_FRAMES);
	return received;
}

const lan = (channel) => ({ wire: `bc:${channel},batch` });
const ours = (verb) => (channel, n) =>
	page.evaluate(startOurs, { networks: lan(channel), args: [verb, n] });
const theirs = (what) => (channel, n) =>
	page.evaluate(startTheirs, {
		what,
		channel: `v86-inbrowser-${channel}`,
		n,
	});

async function bc() {
	const floor = () => round(theirs('receive'), theirs('send'));
	worst(
		'bc_batched_1514',
		await compare(
			'bc_batched_1514_tx',
			'ns',
			'Worker',
			() => round(theirs('receive'), ours('send')),
			floor
		),
		await compare(
			'bc_batched_1514_rx',
			'ns',
			'Worker',
			() => round(ours('receive'), theirs('send')),
			floor
		)
	);
}

await opfs();
await bc();
await browser.close();
fs.rmSync(profile, { recursive: true });
await server.close();
