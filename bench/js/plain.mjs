// SPDX-License-Identifier: ISC
// The floors: what a plain script of Node does. Each prints one figure, as
// bench_js.c does.
//
//	plain.mjs read FILE DEPTH N     random reads of 4 KiB, per second
//	plain.mjs send PATH N           frames of 1,514 bytes with QEMU's framing
//	plain.mjs receive PATH N        the same: ns each, from the first to the last
//	plain.mjs ws-send PORT N        a WebSocket client that sends
//	plain.mjs ws-receive PORT N     a WebSocket server: ns each
//	plain.mjs ws-serve PORT N       a WebSocket server that sends
//	plain.mjs ws-read PORT N        a client: ns each

import fs from 'node:fs';
import net from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

const READ_BYTES = 4096;
const FRAME_BYTES = 1514;
const HEADER_BYTES = 4;
const BATCH = 64;
const BUFFERED_BYTES = 1 << 20;
const RETRY_MS = 20;

const frame = Buffer.alloc(HEADER_BYTES + FRAME_BYTES, 0xff);
frame.writeUInt32BE(FRAME_BYTES);

function end(unit, value) {
	process.stdout.write(`${unit} ${value.toFixed(3)}\n`, () => process.exit(0));
}

/** The other side may not be there yet; at its end it goes without a word. */
function again({ code }, begin, ...args) {
	if (code === 'ENOENT' || code === 'ECONNREFUSED')
		setTimeout(begin, RETRY_MS, ...args);
	else process.exit(0);
}

/** Counts arrivals, and ends with the time of each. */
function counter(n) {
	let seen = 0;
	let began;
	return (more) => {
		if (seen === 0) began = performance.now();
		seen += more;
		if (seen >= n) end('ns', ((performance.now() - began) * 1e6) / n);
	};
}

function read(path, depth, n) {
	const fd = fs.openSync(path, 'r');
	const sectors = fs.fstatSync(fd).size / READ_BYTES;
	const began = performance.now();
	let begun = 0;
	let done = 0;
	const next = (buffer) => {
		if (begun++ >= n) return;
		const at = Math.floor(Math.random() * sectors) * READ_BYTES;
		fs.read(fd, buffer, 0, READ_BYTES, at, (error, got) => {
			if (error || got !== READ_BYTES) throw error ?? new Error('short');
			if (++done === n)
				end('reads/s', (n * 1000) / (performance.now() - began));
			next(buffer);
		});
	};
	for (let i = 0; i < depth; i++) next(Buffer.alloc(READ_BYTES));
}

function send(path, n) {
	const batch = Buffer.concat(Array(BATCH).fill(frame));
	const socket = net.connect(path);
	let sent = 0;
	const more = () => {
		while (sent < n) {
			sent += BATCH;
			// A copy: a real sender has other bytes in the next batch.
			if (!socket.write(Buffer.from(batch))) return;
		}
		socket.end();
	};
	socket.on('error', (error) => again(error, send, path, n));
	socket.on('drain', more).on('connect', more);
}

/** Takes frames out of a stream, each to a buffer of its own place. */
function receive(path, n) {
	const count = counter(n);
	const place = Buffer.alloc(65536);
	let rest = Buffer.alloc(0);
	const take = (chunk) => {
		let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
		let frames = 0;
		let at = 0;
		while (bytes.length - at >= HEADER_BYTES) {
			const next = at + HEADER_BYTES + bytes.readUInt32BE(at);
			if (next > bytes.length) break;
			bytes.copy(place, 0, at + HEADER_BYTES, next);
			at = next;
			frames++;
		}
		rest = bytes.subarray(at);
		if (frames > 0) count(frames);
	};
	net.createServer((socket) => socket.on('data', take)).listen(path);
}

function pour(socket, n) {
	let sent = 0;
	const more = () => {
		while (sent < n && socket.readyState === WebSocket.OPEN) {
			if (socket.bufferedAmount > BUFFERED_BYTES) {
				setTimeout(more, 1);
				return;
			}
			sent++;
			socket.send(Buffer.from(frame.subarray(HEADER_BYTES)));
		}
	};
	more();
}

function wsSend(port, n) {
	const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
	socket.on('error', (error) => again(error, wsSend, port, n));
	socket.on('open', () => pour(socket, n));
}

const server = (port) =>
	new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false });

function wsReceive(port, n) {
	const count = counter(n);
	server(port).on('connection', (socket) =>
		socket.on('message', () => count(1))
	);
}

function wsServe(port, n) {
	server(port).on('connection', (socket) => {
		socket.on('close', () => process.exit(0));
		pour(socket, n);
	});
}

function wsRead(port, n) {
	const count = counter(n);
	const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
	socket.on('error', (error) => again(error, wsRead, port, n));
	socket.on('message', () => count(1));
}

const [what, where, ...numbers] = process.argv.slice(2);
const known = {
	read,
	send,
	receive,
	'ws-send': wsSend,
	'ws-receive': wsReceive,
	'ws-serve': wsServe,
	'ws-read': wsRead,
};
known[what](where, ...numbers.map(Number));
