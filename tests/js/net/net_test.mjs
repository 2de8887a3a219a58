// SPDX-License-Identifier: ISC
// The networks of the JavaScript backend in Node, against peers that behave and peers
// that do not.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, cleanup, done, skip, test } from '../tap.mjs';
import {
	App,
	BUILD,
	NATIVE,
	NETAPP,
	Process,
	RUN,
	frame,
	framed,
	listen,
	moved,
} from './app.mjs';

const MAC = '02:00:00:00:00:01';
const OWN = Buffer.from('ffffffffffff020000000001', 'hex');

// --------------------------------------------------------------- unix:

function folder() {
	const path = mkdtempSync(join(tmpdir(), 'mirage-net.'));
	cleanup(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

function native(name) {
	const path = join(NATIVE, name);
	if (!existsSync(path)) skip(`there is no ${path}`);
	return path;
}

async function exchanged(...apps) {
	for (const app of apps) await app.line(/^received 2000 wrong 0$/);
	for (const app of apps)
		assert.deepEqual(moved(await app.end()), { rx: 2000, tx: 2000 });
}

for (const first of ['Node', 'the unix process'])
	await test(`unix: with a unix process, ${first} comes first`, async () => {
		const program = native('tests/net/netapp');
		const uri = `unix:${folder()}/wire`;
		const starts = [
			() => App.start(uri, 'exchange', '2000'),
			() => new Process(program, ['--net', `wire=${uri}`, 'exchange', '2000']),
		];
		if (first !== 'Node') starts.reverse();
		const one = await starts[0]();
		await one.line(/^open .*link=down$/);
		await exchanged(one, await starts[1]());
	});

/** A process at the listening end answers, the other one asks. */
async function pinged(uri, answerer, asker) {
	const ping = new Process(answerer[0], [
		...answerer.slice(1),
		'--net',
		`service=${uri},listen`,
	]);
	await ping.line(/^ping: ready$/);
	const wire = ['--net', `wire=${uri},connect`];
	const asks = ['ping', '1', '2', '100'];
	const app = new Process(asker[0], [...asker.slice(1), ...wire, ...asks]);
	await app.line(/^answered 100 bad 0$/);
	await app.end();
}

await test('unix: a unix process pings Node', () =>
	pinged(
		`unix:${folder()}/wire`,
		[process.execPath, RUN, join(BUILD, 'examples/ping.wasm')],
		[native('tests/net/netapp')]
	));

await test('unix: Node pings a unix process', () =>
	pinged(
		`unix:${folder()}/wire`,
		[native('examples/ping')],
		[process.execPath, RUN, NETAPP]
	));

// ----------------------------------------------------------------- ws:

async function overWebSocket(...args) {
	const relay = await listen();
	const uri = `ws://127.0.0.1:${relay.port}/,mac=${MAC}`;
	const app = await App.start(uri, ...args);
	const socket = await relay.socket();
	return { relay, uri, app, socket };
}

await test('ws: what is no frame is counted', async () => {
	const { app, socket } = await overWebSocket('watch');
	socket.send(frame(14, 1));
	socket.send('hello');
	socket.send('hello');
	socket.send(Buffer.alloc(0));
	socket.send(frame(13, 2));
	socket.send(frame(1515, 3));
	socket.send(frame(69632, 3));
	socket.send(frame(1514, 4));
	await app.line(/^frame 14 01 01$/);
	await app.line(/^frame 1514 04 04$/);
	assert.deepEqual(moved(await app.end()), { rx: 2, size: 4, invalid: 2 });
	assert.equal(app.log.length, 1);
	assert.match(app.log[0], /ws:\/\/127.* sends text, which is no frame/);
});

await test('ws: frames of our own that come back are counted', async () => {
	const { app, socket } = await overWebSocket('watch');
	socket.send(Buffer.concat([OWN, frame(48, 5)]));
	socket.send(frame(60, 6));
	await app.line(/^frame 60 06 06$/);
	assert.deepEqual(moved(await app.end()), { rx: 1, invalid: 1 });
});

await test('ws: a relay that goes is waited for', async () => {
	const { app, relay } = await overWebSocket('watch');
	await app.line(/^link up$/);
	await relay.close();
	await app.line(/^link down$/);
	const again = await listen(relay.port);
	const socket = await again.socket();
	await app.line(/^link up$/);
	socket.send(frame(60, 7));
	await app.line(/^frame 60 07 07$/);
	assert.deepEqual(moved(await app.end()), { rx: 1 });
	assert.equal(app.log.length, 2);
	assert.match(app.log[0], / is away: .*; trying again$/);
	assert.match(app.log[1], / is back$/);
});

await test('ws: what is sent while the relay is away is counted', async () => {
	const { port, close } = await listen();
	await close();
	const app = await App.start(`ws://127.0.0.1:${port}/`, 'send', '1000');
	await app.line(/^open .*link=down$/);
	await app.line(/^sent 1000$/);
	await app.logged(/ECONNREFUSED.*trying again/);
	assert.deepEqual(moved(await app.end()), { tx: 1000, tx_link: 1000 });
});

await test('ws: a relay that sends too much at once is left', async () => {
	const { app, socket } = await overWebSocket('watch');
	await app.line(/^link up$/);
	socket.send(Buffer.alloc(69633));
	await app.line(/^link down$/);
	await app.end();
});

/** Netapp's numbered frames, as they come. */
function collect(socket) {
	const numbers = [];
	socket.on('message', (bytes) => numbers.push(bytes.readUInt32LE(0)));
	return numbers;
}

const FIRST = (n) => Array.from({ length: n }, (_, i) => i);
const settle = () => new Promise((resolve) => setTimeout(resolve, 300));

await test('ws: a relay that reads late holds the sender back', async () => {
	const { app, socket } = await overWebSocket('exchange', '20000');
	const numbers = collect(socket);
	socket.pause();
	await settle();
	assert(!app.waiting.includes('sent 20000'));
	socket.resume();
	await app.line(/^sent 20000$/);
	assert.deepEqual(moved(await app.end()), { tx: 20000 });
	assert.deepEqual(numbers, FIRST(20000));
});

await test('ws: closing hands over what was taken', async () => {
	const { app, socket } = await overWebSocket('exchange', '20000');
	const numbers = collect(socket);
	const closed = new Promise((resolve) => socket.once('close', resolve));
	socket.pause();
	await settle();
	const end = app.end();
	socket.resume();
	const { tx, ...others } = await end;
	await closed;
	assert(tx > 100 && tx < 20000);
	assert.deepEqual(moved(others), {});
	assert.deepEqual(numbers, FIRST(tx));
});

await test('ws: closing does not wait for ever', async () => {
	const { app, socket } = await overWebSocket('exchange', '20000');
	socket.pause();
	await settle();
	const { tx_error } = await app.end();
	assert(tx_error > 0);
});

async function refused(uri, error, message) {
	const app = await App.start(uri, 'watch');
	await app.line(new RegExp(`^open ${error}$`));
	assert.equal(await app.instance.exited, 1);
	assert.equal(
		app.log.join('\n'),
		`netapp: error: network 'wire' (${uri}): ${message}`
	);
}

await test('mistakes in URIs are named', async () => {
	await refused(
		'ws://',
		'EINVAL',
		'ws:// is no address of a WebSocket; give one such as ' +
			'ws://127.0.0.1:8086/'
	);
	await refused('bc:', 'EINVAL', 'the LAN has no name; give one as in bc:lan');
	await refused(
		'bc:x,listen',
		'EINVAL',
		"bc: has no option 'listen'; --help lists them"
	);
	await refused(
		'unix:/tmp/x,batch',
		'EINVAL',
		"unix: has no option 'batch'; --help lists them"
	);
	await refused(
		'fd:0x3',
		'EINVAL',
		"descriptor '0x3' is no connected stream socket (not a socket); start " +
			'the program by mirage-tap INTERFACE COMMAND and give fd:3'
	);
});

// ----------------------------------------------------------------- bc:

for (const [to, from] of [
	['', ''],
	['', ',batch'],
	[',batch', ''],
	[',batch', ',batch'],
])
	await test(`bc: from lan${from} to lan${to}`, async () => {
		const one = await App.start(`bc:lan${to}`, 'exchange', '2000');
		await one.line(/^sent 2000$/);
		const two = await App.start(`bc:lan${from}`, 'exchange', '2000');
		await one.line(/^received 2000 wrong 0$/);
		assert.deepEqual(moved(await one.end()), { rx: 2000, tx: 2000 });
		assert.deepEqual(moved(await two.end()), { tx: 2000 });
	});

function channel(name) {
	const made = new BroadcastChannel(`v86-inbrowser-${name}`);
	const messages = [];
	made.onmessage = ({ data }) => messages.push(data);
	cleanup(() => made.close());
	return { post: (data) => made.postMessage(data), messages };
}

function bufferOf(bytes) {
	return Uint8Array.from(bytes).buffer;
}

await test('bc: what is no frame is counted', async () => {
	const app = await App.start('bc:odd', 'watch');
	await app.line(/^open .*link=up$/);
	const { post } = channel('odd');
	post('hello');
	post({ length: 60 });
	post(new Uint8Array(0));
	post(new Uint8Array(13));
	post(new Uint8Array(1515));
	post(new Uint8Array(100000));
	post(bufferOf(framed(frame(60, 1)).subarray(0, 63)));
	post(bufferOf([0, 0, 0, 60, 1]));
	post(bufferOf([255, 255, 255, 255, 1]));
	post(bufferOf([]));
	post(bufferOf(framed(frame(60, 2), frame(13, 3), frame(1514, 4))));
	post(Uint8Array.from(frame(60, 5)));
	await app.line(/^frame 60 02 02$/);
	await app.line(/^frame 1514 04 04$/);
	await app.line(/^frame 60 05 05$/);
	assert.deepEqual(moved(await app.end()), { rx: 3, size: 5, invalid: 6 });
});

await test('bc: messages are as v86 has them, unless batched', async () => {
	const { messages } = channel('form');
	const one = await App.start('bc:form', 'send', '3');
	await one.line(/^sent 3$/);
	await one.end();
	await settle();
	assert.equal(messages.length, 3);
	for (const [i, message] of messages.entries()) {
		assert(message instanceof Uint8Array);
		assert.equal(Buffer.from(message).readUInt32LE(0), i);
	}
	const two = await App.start('bc:form,batch', 'send', '3');
	await two.line(/^sent 3$/);
	await two.end();
	await settle();
	assert.equal(messages.length, 4);
	assert(messages[3] instanceof ArrayBuffer);
	const whole = framed(...messages.slice(0, 3).map((m) => Buffer.from(m)));
	assert.deepEqual(Buffer.from(messages[3]), whole);
});

// ----------------------------------------------------------------- fd:

function inherits(...args) {
	const app = new Process(process.execPath, [RUN, NETAPP, ...args], {
		more: ['pipe'],
	});
	return { app, peer: app.process.stdio[3] };
}

await test('fd: frames both ways, until the peer leaves', async () => {
	const { app, peer } = inherits('--net', 'wire=fd:3', 'exchange', '3');
	const got = [];
	peer.on('data', (bytes) => got.push(bytes));
	await app.line(/^open .*link=up$/);
	await app.line(/^sent 3$/);
	peer.end(framed(frame(60, 1), frame(10, 2), frame(60, 3), frame(60, 4)));
	await app.line(/^received 3 wrong 3$/);
	await app.logged(/network 'wire': the peer has gone: closed by the peer/);
	assert.deepEqual(moved(await app.end()), { rx: 3, tx: 3, size: 1 });
	const bytes = Buffer.concat(got);
	assert.equal(bytes.readUInt32LE(4), 0);
});

await test('fd: broken framing ends the link', async () => {
	const { app, peer } = inherits('--net', 'wire=fd:3', 'watch');
	peer.on('error', () => {});
	await app.line(/^open .*link=up$/);
	peer.write('GET / HTTP/1.0\r\n\r\n');
	await app.line(/^link down$/);
	await app.end();
	assert.match(app.log[0], /the peer has gone: broken framing/);
});

done();
