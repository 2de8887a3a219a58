// SPDX-License-Identifier: ISC
// mirage-relay: the world behind it, the switch in it, and clients that do not behave.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { Switch } from '../../../tools/relay/src/switch.js';
import { assert, cleanup, done, skip, test } from '../tap.mjs';
import {
	App,
	NATIVE,
	Process,
	SOURCE,
	frame,
	framed,
	libexec,
	moved,
	needsTap,
} from './app.mjs';

const RELAY = join(SOURCE, 'tools/relay/mirage-relay.mjs');

class Relay extends Process {
	static start(...args) {
		return Relay.startWith({ MIRAGE_LIBEXEC: libexec() }, ...args);
	}

	static async startWith(env, ...args) {
		const relay = new Relay(
			process.execPath,
			[RELAY, '--listen', '127.0.0.1:0', ...args],
			{ env }
		);
		[, relay.url] = await relay.line(/^(ws:\S+) is a port of /);
		return relay;
	}

	/** Its counters that are not zero, when it has ended by SIGTERM. */
	async end() {
		this.process.kill('SIGTERM');
		assert.equal(await this.exited, 0);
		return this.printed();
	}

	printed() {
		const pairs = this.log
			.map((line) => /^(\w+) (\d+)$/.exec(line))
			.filter(Boolean);
		return moved(
			Object.fromEntries(pairs.map(([, key, n]) => [key, Number(n)]))
		);
	}

	/** A relay to a wire that ends in this test: { relay, wire }. */
	static async onWire(...args) {
		const folder = mkdtempSync(join(tmpdir(), 'mirage-wire.'));
		cleanup(() => rmSync(folder, { recursive: true, force: true }));
		const path = join(folder, 'wire');
		const relay = await Relay.start('--net', `unix:${path},listen`, ...args);
		const wire = net.connect(path);
		cleanup(() => wire.destroy());
		wire.got = Buffer.alloc(0);
		wire.on('data', (bytes) => {
			wire.got = Buffer.concat([wire.got, bytes]);
		});
		await new Promise((resolve) => wire.once('connect', resolve));
		return { relay, wire };
	}

	async client(options) {
		const socket = new WebSocket(this.url, options);
		cleanup(() => socket.terminate());
		socket.got = [];
		socket.on('message', (bytes) => socket.got.push(bytes));
		await new Promise((resolve, reject) => {
			socket.once('open', resolve);
			socket.once('error', reject);
		});
		return socket;
	}
}

function from(source, to, length = 60) {
	const bytes = Buffer.alloc(length, source);
	bytes.fill(to, 0, 6);
	bytes[0] = to === 255 ? 255 : 2;
	bytes[6] = 2;
	return bytes;
}

/** Waits for `holds()`. */
async function until(holds, what) {
	const end = Date.now() + 20000;
	while (!holds()) {
		assert(Date.now() < end, `never: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}

// --------------------------------------------------------------- World

await test('slirp: gives a program in Node an address', async () => {
	if (!existsSync(join(NATIVE, 'tools/slirp/mirage-slirp')))
		skip('there is no mirage-slirp');
	const relay = await Relay.start();
	const app = await App.start(relay.url, 'dhcp');
	await app.line(/^ack 10\.0\.2\.15$/);
	const { clients_max, rx_frames, net_rx_frames } = await relay.end();
	assert.equal(clients_max, 1);
	assert(rx_frames >= 2 && net_rx_frames >= 2);
});

await test("tap: Linux's ping is answered by ping in Node", async () => {
	needsTap();
	const script = new Process('unshare', [
		'-n',
		'sh',
		join(SOURCE, 'tests/js/net/tap.sh'),
	], { env: { MIRAGE_LIBEXEC: libexec() } });
	assert.equal(await script.exited, 0, script.log.join('\n'));
	assert.deepEqual(
		script.waiting.filter((line) => /packets transmitted/.test(line))
			.map((line) => line.replace(/, time.*/, '')),
		Array(3).fill('3 packets transmitted, 3 received, 0% packet loss')
	);
});

// -------------------------------------------------------------- Switch

await test('frames go to whom they are for', async () => {
	const { relay, wire } = await Relay.onWire();
	const [a, b, c] = [
		await relay.client(),
		await relay.client(),
		await relay.client(),
	];
	a.send(from(1, 255)); // to all
	await until(() => b.got.length + c.got.length === 2, 'a broadcast');
	b.send(from(2, 1)); // to a alone
	await until(() => a.got.length === 1, 'a frame for a');
	a.send(from(1, 2)); // to b alone
	await until(() => b.got.length === 2, 'a frame for b');
	wire.write(framed(from(9, 1), from(9, 7), from(9, 13, 10)));
	await until(() => c.got.length === 2, 'a frame for nobody known');
	await until(() => wire.got.length === 64, 'the broadcast');
	assert.deepEqual(a.got.length, 3);
	assert.deepEqual(b.got.length, 3);
	assert.deepEqual(wire.got, framed(from(1, 255)));
	assert.deepEqual(await relay.end(), {
		clients_max: 3,
		rx_frames: 3,
		tx_frames: 8,
		net_rx_frames: 2,
		net_rx_dropped_size: 1,
		net_tx_frames: 1,
	});
});

await test('a switch forgets, and its table is bounded', () => {
	let now = 0;
	const got = [0, 0, 0];
	const ports = got.map((_, i) => ({ send: () => got[i]++ }));
	const made = new Switch(() => now);
	for (const port of ports) made.add(port);
	made.forward(ports[0], from(1, 255));
	made.forward(ports[1], from(2, 1));
	assert.deepEqual(got, [1, 1, 1]);
	now = 300001;
	made.forward(ports[1], from(2, 1));
	assert.deepEqual(got, [2, 1, 2]);
	for (let i = 0; i < 10000; i++) {
		const hostile = from(3, 2);
		hostile.writeUInt32BE(i, 8);
		made.forward(ports[2], hostile);
	}
	assert(made.table.size <= 257);
	made.forward(ports[0], from(1, 2));
	assert.deepEqual(got, [2, 10002, 2]);
	made.remove(ports[2]);
	assert.equal(made.table.size, 2);
});

await test('frames before the relay is ready go nowhere', async () => {
	const folder = mkdtempSync(join(tmpdir(), 'mirage-relay.'));
	cleanup(() => rmSync(folder, { recursive: true }));
	// Says that it is ready and sends a frame of 60 bytes in one piece.
	writeFileSync(
		join(folder, 'mirage-slirp'),
		"#!/bin/sh\nprintf '0 ready\\n\\000\\000\\000\\074%060d' 0 >&3\n" +
			'cat <&3 > /dev/null\n',
		{ mode: 0o755 }
	);
	const relay = await Relay.startWith({ MIRAGE_LIBEXEC: folder });
	assert.deepEqual(await relay.end(), { net_rx_dropped_early: 1 });
});

// ------------------------------------------------------------- Clients

await test('what is no frame is counted', async () => {
	const { relay, wire } = await Relay.onWire();
	const client = await relay.client();
	client.send('hello');
	client.send(frame(13, 2));
	client.send(frame(1515, 2));
	client.send(from(4, 255));
	await until(() => wire.got.length === 64, 'the frame');
	client.on('error', () => {});
	client.send(Buffer.alloc(200000));
	await new Promise((resolve) => client.once('close', resolve));
	assert.deepEqual(await relay.end(), {
		clients_max: 1,
		rx_frames: 1,
		rx_dropped_size: 3,
		rx_dropped_text: 1,
		net_tx_frames: 1,
	});
});

async function turnedAway(relay, options) {
	const error = await relay.client(options).catch((thrown) => thrown);
	return error.message?.replace('Unexpected server response: ', '');
}

await test('pages of others and clients beyond the bound are refused', async () => {
	const { relay } = await Relay.onWire('--max-clients', '2');
	const bad = ['http://evil.example', 'null', 'http://localhost.evil.example'];
	for (const origin of bad)
		assert.equal(await turnedAway(relay, { origin }), '403');
	await relay.client({ origin: 'http://localhost:8000' });
	await relay.client({ origin: 'http://127.0.0.1' });
	assert.equal(await turnedAway(relay, {}), '503');
	const counters = await relay.end();
	assert.deepEqual(counters, {
		clients_max: 2,
		refused_origin: 3,
		refused_clients: 1,
	});
});

await test('--origin replaces the pages of this machine', async () => {
	const { relay } = await Relay.onWire('--origin', 'https://good.example');
	await relay.client({ origin: 'https://good.example' });
	await relay.client();
	const origin = 'http://localhost';
	assert.equal(await turnedAway(relay, { origin }), '403');
	await relay.end();
});

await test('a client that sends too fast is held to its rate', async () => {
	const { relay } = await Relay.onWire('--rate', '100');
	const client = await relay.client();
	for (let i = 0; i < 1000; i++) client.send(from(4, 255));
	await new Promise((resolve) => {
		client.once('pong', resolve);
		client.ping();
	});
	const { rx_frames, rx_dropped_rate } = await relay.end();
	assert.equal(rx_frames + rx_dropped_rate, 1000);
	assert(rx_frames >= 50 && rx_dropped_rate > 0);
});

await test('for a client that does not read frames are dropped', async () => {
	const { relay, wire } = await Relay.onWire();
	const client = await relay.client();
	client.pause();
	const batch = framed(...Array(100).fill(from(9, 255, 1514)));
	for (let i = 0; i < 200; i++)
		if (!wire.write(batch))
			await new Promise((resolve) => wire.once('drain', resolve));
	await new Promise((resolve) => wire.end(resolve));
	await relay.logged(/the peer has gone/);
	const { net_rx_frames, tx_frames, tx_dropped_slow } = await relay.end();
	assert.equal(net_rx_frames, 20000);
	assert.equal(tx_frames + tx_dropped_slow, 20000);
	assert(tx_dropped_slow > 0);
});

await test('SIGUSR1 prints the counters', async () => {
	const { relay } = await Relay.onWire();
	await relay.client();
	relay.process.kill('SIGUSR1');
	await relay.logged(/^net_tx_dropped 0$/);
	assert.deepEqual(relay.printed(), { clients: 1, clients_max: 1 });
	assert(!relay.log.some((line) => /[Dd]ebugger/.test(line)));
});

// ------------------------------------------------------------ Mistakes

async function fails(args, status, message) {
	const relay = new Process(process.execPath, [RELAY, ...args], {
		env: { MIRAGE_LIBEXEC: '/nowhere' },
	});
	assert.equal(await relay.exited, status);
	assert.match(relay.log.join('\n'), message);
}

await test('mistakes are named', async () => {
	await fails(['--listen', '8086'], 2, /--listen 8086: give an address and/);
	await fails(['--rate', 'x'], 2, /--rate x: give a number from 1 to/);
	await fails(['--max-clients', '0'], 2, /--max-clients 0: give a number/);
	await fails(['--bogus'], 2, /Unknown option '--bogus'/);
	await fails(['--net', 'vde:x'], 1, /is none of slirp:, tap:NAME and unix:/);
	await fails(['--net', 'slirp:x'], 1, /the program mirage-slirp is missing/);
	await fails(['--net', 'unix:/tmp/x,batch'], 1, /unix: has no option 'batch'/);
	await fails(['--net', 'unix:/nowhere/x'], 1, /directory of \/nowhere\/x does/);
});

await test('a tap that is not there is named', async () => {
	if (!existsSync(join(NATIVE, 'tools/tap/mirage-tap')))
		skip('there is no mirage-tap');
	const env = { MIRAGE_LIBEXEC: libexec() };
	const relay = new Process(
		process.execPath,
		[RELAY, '--net', 'tap:nosuch0'],
		{ env }
	);
	assert.equal(await relay.exited, 1);
	assert.match(relay.log[0], /there is no interface 'nosuch0'; make it: ip/);
});

done();
