// SPDX-License-Identifier: ISC
// Networks in tabs of Chromium: Linux's ping and other tabs, peers that do not
// behave, and tabs that are hidden or frozen.

import { join } from 'node:path';
import { noBrowser, openPage } from '../chromium.mjs';
import { assert, cleanup, done, skipAll, test } from '../tap.mjs';
import { Process, SOURCE, frame, libexec, listen, moved, needsTap } from './app.mjs';
import { PlainPage } from './hidden.mjs';
import { NETAPP, PING, Tab, browse } from './tab.mjs';

if (noBrowser()) skipAll(noBrowser());

const MAC = '02:00:00:00:00:01';
const OWN = Buffer.from('ffffffffffff020000000001', 'hex');
const FIRST = (n) => Array.from({ length: n }, (_, i) => i);

// --------------------------------------------------------------- World

// Before there is another browser.
await test("Linux's ping is answered by a tab through the relay", async () => {
	needsTap();
	const script = new Process(
		'unshare',
		['-n', 'sh', join(SOURCE, 'tests/js/net/tab_tap.sh')],
		{ env: { MIRAGE_LIBEXEC: libexec() } }
	);
	assert.equal(await script.exited, 0, script.log.join('\n'));
	assert.deepEqual(
		script.waiting
			.filter((line) => /packets transmitted/.test(line))
			.map((line) => line.replace(/, time.*/, '')),
		Array(2).fill('20 packets transmitted, 20 received, 0% packet loss')
	);
	const counters = script.waiting.find((line) => line.startsWith('{'));
	const { rx_frames, tx_frames, rx_dropped_invalid } = JSON.parse(counters);
	assert(rx_frames >= 40 && tx_frames >= 40, counters);
	assert.equal(rx_dropped_invalid, 0);
});

const browser = await browse({ hides: true });

// ----------------------------------------------------------- Other tabs

for (const [to, from, worker] of [
	['', '', false],
	[',batch', '', false],
	['', ',batch', false],
	[',batch', ',batch', true],
])
	await test(`ping of a tab from lan${from} to lan${to}`, async () => {
		const ping = await Tab.run(browser, {
			wasm: PING,
			args: ['10.0.0.7'],
			networks: { service: `bc:lan${to}` },
			worker,
		});
		await ping.line(/^ping: ready$/);
		const asks = ['ping', '1', '7', '100'];
		const asker = await Tab.start(browser, `bc:lan${from}`, ...asks);
		await asker.line(/^answered 100 bad 0$/);
		const { rx, tx, ...others } = await asker.end();
		assert(rx >= 101 && tx >= rx);
		assert.deepEqual(moved(others), {});
		await ping.exit();
	});

/** In a page: sends what is no frame on a LAN. */
function sendGarbage(lan) {
	const channel = new BroadcastChannel('v86-inbrowser-' + lan);
	const framed = (...lengths) =>
		Uint8Array.from(
			lengths.flatMap((n) => [0, 0, n >> 8, n & 255, ...Array(n).fill(n)])
		).buffer;
	const invalid = [
		'hello',
		null,
		{ length: 60 },
		[1, 2, 3],
		new Uint16Array(30),
		new Blob(['x'.repeat(60)]),
		new ArrayBuffer(0),
		framed(60).slice(0, 63),
		new ArrayBuffer(3),
		Uint8Array.of(255, 255, 255, 255, 1).buffer,
	];
	const size = [0, 13, 1515, 100000, 50000000].map((n) => new Uint8Array(n));
	// It stays in its process.
	const unreadable = [
		new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
	];
	for (const data of [...invalid, ...size, ...unreadable])
		channel.postMessage(data);
	channel.postMessage(framed(60, 13, 1514));
	channel.postMessage(new Uint8Array(61));
	return {
		invalid: invalid.length + unreadable.length,
		size: size.length + 1,
	};
}

await test('bc: garbage of another page is counted', async () => {
	const tab = await Tab.start(browser, 'bc:odd', 'watch');
	await tab.line(/^open .*link=up$/);
	const other = await browser.tabs.newPage();
	cleanup(() => other.close());
	await other.goto(browser.server.origin + '/plain');
	const counted = await other.evaluate(sendGarbage, 'odd');
	await tab.line(/^frame 60 3c 3c$/);
	await tab.line(/^frame 1514 /);
	await tab.line(/^frame 61 00 00$/);
	assert.deepEqual(moved(await tab.end()), { rx: 3, ...counted });
});

/** In the page: browsers that follow the standard say so of a message that they
 *  cannot pass on; Chromium hands over null. */
function failMessages() {
	window.BroadcastChannel = class extends BroadcastChannel {
		set onmessageerror(run) {
			super.onmessageerror = run;
			this.dispatchEvent(new MessageEvent('messageerror'));
		}
	};
}

await test('bc: what the browser cannot pass on is counted', async () => {
	const page = await openPage(browser.tabs, browser.server);
	await page.evaluate(failMessages);
	const networks = { wire: 'bc:failing' };
	const args = ['watch'];
	const tab = await Tab.runIn(page, { wasm: NETAPP, networks, args });
	await tab.line(/^open .*link=up$/);
	assert.deepEqual(moved(await tab.end()), { invalid: 1 });
});

// --------------------------------------------------------------- Relays

async function overWebSocket(...args) {
	const relay = await listen();
	const uri = `ws://127.0.0.1:${relay.port}/,mac=${MAC}`;
	const tab = await Tab.start(browser, uri, ...args);
	const socket = await relay.socket();
	return { relay, tab, socket };
}

await test('ws: what is no frame, and our own, are counted', async () => {
	const { tab, socket } = await overWebSocket('watch');
	socket.send(frame(14, 1));
	socket.send('hello');
	socket.send('');
	for (const length of [0, 13, 1515, 69632, 69633, 5000000])
		socket.send(frame(length, 2));
	socket.send(Buffer.concat([OWN, frame(48, 3)]));
	socket.send(frame(1514, 4));
	await tab.line(/^frame 14 01 01$/);
	await tab.line(/^frame 1514 04 04$/);
	assert.deepEqual(moved(await tab.end()), { rx: 2, size: 6, invalid: 3 });
	assert.equal(tab.log.length, 1);
	assert.match(tab.log[0], /ws:\/\/127.* sends text, which is no frame/);
});

await test('ws: a relay that goes is waited for', async () => {
	const { tab, relay } = await overWebSocket('watch');
	await tab.line(/^link up$/);
	await relay.close();
	await tab.line(/^link down$/);
	const again = await listen(relay.port);
	const socket = await again.socket();
	await tab.line(/^link up$/);
	socket.send(frame(60, 7));
	await tab.line(/^frame 60 07 07$/);
	assert.deepEqual(moved(await tab.end()), { rx: 1 });
	assert.equal(tab.log.length, 2);
	assert.match(tab.log[0], / is away: the connection broke; trying again$/);
	assert.match(tab.log[1], / is back$/);
});

await test('ws: what is sent while the relay is away is counted', async () => {
	const { port, close } = await listen();
	await close();
	const uri = `ws://127.0.0.1:${port}/`;
	const tab = await Tab.start(browser, uri, 'send', '1000');
	await tab.line(/^open .*link=down$/);
	await tab.line(/^sent 1000$/);
	await tab.logged(/ is away: there is no connection: is the relay running/);
	assert.deepEqual(moved(await tab.end()), { tx: 1000, tx_link: 1000 });
});

// --------------------------------------------------------------- Hidden

/** Sends back what comes, and resolves with netapp's numbers of it. */
function mirror(socket, n) {
	const numbers = [];
	return new Promise((resolve) =>
		socket.on('message', (bytes) => {
			socket.send(bytes);
			if (numbers.push(bytes.readUInt32LE(0)) === n) resolve(numbers);
		})
	);
}

/** netapp in a tab behind another: { front, page, tab }. */
async function hidden(uri, ...args) {
	const { origin } = browser.server;
	const page = await PlainPage.open(browser.browser, origin);
	const front = await PlainPage.open(browser.browser, origin);
	cleanup(() => front.close());
	const networks = { wire: uri };
	const tab = await Tab.runIn(page, { wasm: NETAPP, networks, args });
	const state = await page.evaluate(() => document.visibilityState);
	assert.equal(state, 'hidden');
	return { front, page, tab };
}

const freeze = (page) =>
	page.send('Page.setWebLifecycleState', { state: 'frozen' });
const thaw = (page) =>
	page.send('Page.setWebLifecycleState', { state: 'active' });

await test('a hidden tab loses nothing', async () => {
	const relay = await listen();
	const uri = `ws://127.0.0.1:${relay.port}/,mac=${MAC}`;
	const { tab } = await hidden(uri, 'exchange', '5000');
	const socket = await relay.socket();
	assert.deepEqual(await mirror(socket, 5000), FIRST(5000));
	await tab.line(/^received 5000 wrong 0$/);
	assert.deepEqual(moved(await tab.end()), { rx: 5000, tx: 5000 });
});

await test('bc: a frozen tab loses nothing', async () => {
	const { front, page, tab } = await hidden('bc:cold', 'watch');
	await tab.line(/^open .*link=up$/);
	await freeze(page);
	await front.evaluate(() => {
		const channel = new BroadcastChannel('v86-inbrowser-cold');
		for (let i = 0; i < 1000; i++)
			channel.postMessage(new Uint8Array(60).fill(i));
	});
	await thaw(page);
	for (const i of FIRST(1000)) {
		const hex = (i & 255).toString(16).padStart(2, '0');
		await tab.line(new RegExp(`^frame 60 ${hex} ${hex}$`));
	}
	assert.deepEqual(moved(await tab.end()), { rx: 1000 });
});

// Chromium breaks the connection then: what was on its way is the relay's loss.
await test('ws: a frozen tab connects anew when it thaws', async () => {
	const relay = await listen();
	const uri = `ws://127.0.0.1:${relay.port}/,mac=${MAC}`;
	const { page, tab } = await hidden(uri, 'watch');
	const socket = await relay.socket();
	await tab.line(/^link up$/);
	const closed = new Promise((resolve) => socket.once('close', resolve));
	await freeze(page);
	await thaw(page);
	await closed;
	await tab.line(/^link down$/);
	await tab.line(/^link up$/);
	(await relay.socket()).send(frame(60, 7));
	await tab.line(/^frame 60 07 07$/);
	assert.deepEqual(moved(await tab.end()), { rx: 1 });
});

await browser.close();
done();
