#!/usr/bin/env node
// SPDX-License-Identifier: ISC
// The JavaScript backend in Node against plain scripts, and against the unix backend
// where the processor alone counts.

import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
	BUILD,
	compare,
	figure,
	RUN,
	mirage,
	plain,
	start,
	worst,
} from './rounds.mjs';

const FILE_BYTES = 256 << 20;
const READS = 200000;
const FRAMES = 300000;
const WS_FRAMES = 100000;
const SHA_BYTES = '256M';
const CROSSING = fileURLToPath(new URL('crossing.mjs', import.meta.url));
const UNIX_BUILD = process.env.MIRAGE_UNIX_BUILD;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mirage-bench-'));
let sockets = 0;

/** A file in the page cache, with other bytes in every page. */
function makeFile() {
	const file = path.join(folder, 'disk');
	const piece = Buffer.alloc(1 << 20);
	const fd = fs.openSync(file, 'w');
	for (let i = 0; i < FILE_BYTES / piece.length; i++)
		fs.writeSync(fd, piece.fill(i + 1));
	fs.closeSync(fd);
	return file;
}

/** One round of a sender and a receiver, which prints the figure. */
async function round(receiver, sender) {
	const figures = await Promise.all([figure(receiver), sender.output]);
	return figures[0];
}

async function block() {
	const file = makeFile();
	for (const depth of [1, 32])
		await compare(
			`node_block_randread_4k_qd${depth}`,
			'reads/s',
			'fs.read',
			() =>
				figure(
					mirage('--block', `disk=file:${file},ro`, 'read', depth, READS)
				),
			() => figure(plain('read', file, depth, READS))
		);
}

const wire = () => path.join(folder, `wire-${sockets++}`);
const to = (socket, ...role) => `wire=unix:${[socket, ...role].join(',')}`;

function plainRound() {
	const socket = wire();
	return round(
		plain('receive', socket, FRAMES),
		plain('send', socket, FRAMES)
	);
}

const unixSend = () => {
	const socket = wire();
	return round(
		plain('receive', socket, FRAMES),
		mirage('--net', to(socket, 'connect'), 'send', FRAMES)
	);
};

const unixReceive = () => {
	const socket = wire();
	return round(
		mirage('--net', to(socket, 'listen'), 'receive', FRAMES),
		plain('send', socket, FRAMES)
	);
};

async function unix() {
	worst(
		'node_unix_1514',
		await compare('node_unix_1514_tx', 'ns', 'node:net', unixSend, plainRound),
		await compare('node_unix_1514_rx', 'ns', 'node:net', unixReceive, plainRound)
	);
}

/** A port that was free a moment ago. */
function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

const url = (port) => `wire=ws://127.0.0.1:${port}/`;

/** A round of two commands that meet at a port. */
async function wsRound(receiver, sender) {
	const port = await freePort();
	return round(receiver(port), sender(port));
}

const wsServer = (port) => plain('ws-receive', port, WS_FRAMES);
const wsSource = (port) => plain('ws-serve', port, WS_FRAMES);

async function ws() {
	worst(
		'ws_1514',
		await compare(
			'ws_1514_tx',
			'ns',
			'ws',
			() =>
				wsRound(wsServer, (port) =>
					mirage('--net', url(port), 'send', WS_FRAMES)
				),
			() => wsRound(wsServer, (port) => plain('ws-send', port, WS_FRAMES))
		),
		await compare(
			'ws_1514_rx',
			'ns',
			'ws',
			() =>
				wsRound(
					(port) => mirage('--net', url(port), 'receive', WS_FRAMES),
					wsSource
				),
			() => wsRound((port) => plain('ws-read', port, WS_FRAMES), wsSource)
		)
	);
}

/** The processor alone: SHA-256 of a disk in memory, by the same source. */
async function sha256() {
	const disks = ['--block', `from=mem:${SHA_BYTES}`, '--block', `to=mem:${SHA_BYTES}`];
	const took = async ({ output }) =>
		Number(/flushed in (\d+) ms/.exec(await output)[1]) * 1e6;
	await compare(
		'sha256',
		'ns',
		'unix',
		() =>
			took(start(process.execPath, RUN, `${BUILD}/examples/disk.wasm`, ...disks)),
		() => took(start(`${UNIX_BUILD}/examples/disk`, ...disks))
	);
}

/** Each crossing in a process of its own, whose garbage can be counted. */
async function crossings() {
	for (const what of ['submit', 'flush', 'out', 'in']) {
		const { output } = start(process.execPath, '--expose-gc', CROSSING, what);
		process.stdout.write(await output);
	}
}

await block();
await unix();
await ws();
await crossings();
await sha256();
fs.rmSync(folder, { recursive: true });
