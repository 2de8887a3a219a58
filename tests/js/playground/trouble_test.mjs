// SPDX-License-Identifier: ISC
// What a student reads when something is missing, broken or dead.

import { join } from 'node:path';
import { assert, done, test } from '../tap.mjs';
import {
	BUILD,
	node,
	open,
	prints,
	start,
	startNode,
	state,
} from './page.mjs';

const PROGRAM = '**/programs/hello.wasm';

/** What the page says of hello when the server answers so. */
async function adviceFor(answer) {
	const page = await open(await start(), (tab) => tab.route(PROGRAM, answer));
	const hello = await startNode(page, 'hello');
	await state(hello, 'not started');
	return hello.locator('.advice').textContent();
}

function wasm(body) {
	return (route) => route.fulfill({ contentType: 'application/wasm', body });
}

await test('a program that is missing', async () => {
	const said = await adviceFor((route) => route.fulfill({ status: 404 }));
	assert.match(said, /missing on the server \(status 404\).*make playground/);
});

await test('a server that answers everything with a page', async () => {
	const said = await adviceFor((route) =>
		route.fulfill({ contentType: 'text/html', body: '<p>hello' })
	);
	assert.match(said, /hello\.wasm is missing on the server/);
});

await test('a server that is gone', async () => {
	const said = await adviceFor((route) => route.abort());
	assert.match(said, /cannot be fetched.*Is the server still running\?/);
});

await test('a file that is no WebAssembly', async () => {
	const said = await adviceFor(wasm('not at all'));
	assert.match(said, /hello\.wasm is not a WebAssembly file/);
});

await test('a file that is cut short', async () => {
	const head = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 0x20]);
	const said = await adviceFor(wasm(head));
	assert.match(said, /hello\.wasm is broken: .*Build the program again/);
});

await test('WebAssembly that is no program of Mirage', async () => {
	const empty = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
	const said = await adviceFor(wasm(empty));
	assert.match(said, /is no program of Mirage for C: link it with mirage-js/);
});

await test('a program that dies, and others that go on', async () => {
	const page = await open(await start());
	const ping = await startNode(page, 'ping');
	await prints(ping, 'ping: ready');
	const path = join(BUILD, 'tests/js/playground/trap.wasm');
	await page.setInputFiles('#own-file', path);
	const trap = node(page, 'trap');
	await prints(trap, 'about to die');
	await state(trap, 'died');
	await trap.locator('.advice', { hasText: 'died of a trap' }).waitFor();
	await prints(trap, 'trap: died of a trap: unreachable');
	await state(ping, 'running');
	await trap.getByRole('button', { name: 'Run again' }).click();
	await state(trap, 'running');
	await state(trap, 'died');
});

await test('what is typed reaches a program of one\'s own', async () => {
	const page = await open(await start());
	await page.setInputFiles('#own-file', join(BUILD, 'tests/js/echo.wasm'));
	const echo = node(page, 'echo');
	await state(echo, 'running');
	await echo.getByLabel('terminal of echo 1').focus();
	await page.keyboard.type('4 knocks');
	await prints(echo, '4 knocks');
	assert.equal(await page.locator('.node').count(), 1);
});

await test('arguments that the program refuses', async () => {
	const page = await open(await start());
	const ticker = await startNode(page, 'ticker');
	await ticker.getByRole('button', { name: 'Stop' }).click();
	await ticker.getByLabel('Arguments').fill('many');
	await ticker.getByRole('button', { name: 'Run again' }).click();
	await state(ticker, 'ended with status 2');
	await prints(ticker, "'many' is not a number of ticks");
});

await test('a page that is not isolated', async () => {
	const page = await open(await start({ isolated: false }));
	const notice = page.locator('.notice', { hasText: 'is not isolated' });
	assert.match(await notice.textContent(), /make playground/);
	const hello = await startNode(page, 'hello');
	await state(hello, 'ended well');
	await notice.getByRole('button').click();
	assert.equal(await page.locator('.notice').count(), 0);
});

await test('an isolated page has no notices', async () => {
	const page = await open(await start());
	assert.equal(await page.locator('.notice').count(), 0);
});

await test('a browser without private files', async () => {
	const world = await start({
		args: ['--host-resolver-rules=MAP playground.test 127.0.0.1'],
	});
	world.url = world.url.replace('localhost', 'playground.test');
	const page = await open(world);
	await page.locator('.notice', { hasText: 'no private files' }).waitFor();
	const disk = await startNode(page, 'disk');
	await disk.getByRole('button', { name: 'Pull the plug' }).click();
	await disk.getByLabel("Keep 'to' in").selectOption('the browser (OPFS)');
	await disk.getByRole('button', { name: 'Run again' }).click();
	await state(disk, 'ended with status 1');
	await prints(disk, 'private files by https: or from localhost only');
});

await test('frames of nonsense do no harm', async () => {
	const page = await open(await start());
	const ping = await startNode(page, 'ping');
	await prints(ping, 'ping: ready');
	await page.evaluate(() => {
		const channel = new BroadcastChannel('v86-inbrowser-classroom');
		const frames = [
			new Uint8Array(3),
			new Uint8Array(200000),
			new Uint8Array(14).fill(8),
		];
		for (let i = 0; i < 300; i++)
			frames.push(crypto.getRandomValues(new Uint8Array(14 + (i % 90))));
		for (const type of [0x0800, 0x0806, 0x86dd])
			for (let length = 14; length < 70; length++) {
				const frame = new Uint8Array(length).fill(0x45);
				frame.set([2, 0, 0, 0, 0, 1], 6);
				frame.set([type >> 8, type & 255], 12);
				frames.push(frame);
			}
		for (const frame of ['text', null, { a: 1 }, ...frames])
			channel.postMessage(frame);
	});
	const broken = ping.locator('.frame-line .bad', { hasText: 'is cut short' });
	await broken.first().waitFor();
	await state(ping, 'running');
	await page.keyboard.press('p');
	const answer = ping.locator('.frame-line', { hasText: 'echo reply' });
	await answer.first().waitFor();
});

done();
