// SPDX-License-Identifier: ISC
// The fourth lesson: one node fetches another's homepage, in one tab and from
// another, and through losses.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NATIVE, Process, SOURCE, freePort, libexec } from '../net/app.mjs';
import { assert, done, skip, test } from '../tap.mjs';
import { node, open, prints, shot, start, startNode, state, until } from './page.mjs';

const TITLE = '<title>Mirage for C: a page that is its own operating system</title>';

/** homepage is running. */
async function served(page) {
	const homepage = await startNode(page, 'homepage');
	await prints(homepage, 'homepage: http://10.0.0.2/');
	return homepage;
}

await test('the fourth lesson: one node fetches the homepage of another', async () => {
	const page = await open(await start());
	const lesson = page.locator('.lesson', { hasText: "another node's homepage" });
	await lesson.locator('summary').click();
	await lesson.getByRole('button', { name: 'Start homepage' }).click();
	const homepage = node(page, 'homepage');
	await prints(homepage, 'homepage: http://10.0.0.2/');
	await lesson.getByRole('button', { name: 'Fetch it' }).click();
	const get = node(page, 'http-get');
	await prints(get, TITLE);
	await prints(get, '</html>');
	await state(get, 'ended well');
	assert.equal(
		await get.getByLabel('Arguments').inputValue(),
		'--ipv4 10.0.0.3/24 http://10.0.0.2/'
	);
	await prints(homepage, '"GET / HTTP/1.1" 200');
	await homepage.locator('.frame-line', { hasText: 'SYN' }).first().waitFor();
	await homepage.locator('.frame-line', { hasText: 'FIN' }).first().waitFor();
	assert.equal(await lesson.locator('.done').count(), 2);
	await shot(page, 'web');
	await lesson.getByRole('button', { name: 'Lose half' }).click();
	await until(
		async () => (await lesson.locator('.done').count()) === 3,
		'the last step'
	);
	await get.getByRole('button', { name: 'Run again' }).click();
	await state(get, 'running');
	await state(get, 'ended well');
	await homepage.getByRole('tab', { name: 'Network' }).click();
	await homepage.locator('.frame-line em.lost').first().waitFor();
	await homepage.getByRole('button', { name: 'Stop' }).click();
	await state(homepage, 'ended well');
});

await test('a tab fetches the homepage of a node in another tab', async () => {
	const world = await start();
	const first = await open(world);
	await served(first);
	const second = await open(world);
	const get = await startNode(second, 'http-get');
	await prints(get, TITLE);
	await state(get, 'ended well');
	assert.equal(
		await get.getByLabel('Arguments').inputValue(),
		'--ipv4 10.0.0.3/24 http://10.0.0.2/'
	);
});

await test('udp-echo has an address and a port', async () => {
	const page = await open(await start());
	await prints(await startNode(page, 'udp-echo'), 'udp-echo: port 7');
});

await test('curl reads the page of a node, and a node that of the world', async () => {
	if (!existsSync(join(NATIVE, 'tools/slirp/mirage-slirp')))
		skip('there is no mirage-slirp');
	const port = await freePort();
	const net = `slirp:,hostfwd=tcp::${port}-:80`;
	const relay = new Process(
		process.execPath,
		[
			join(SOURCE, 'tools/relay/mirage-relay.mjs'),
			'--listen',
			'127.0.0.1:0',
			'--net',
			net,
		],
		{ env: { MIRAGE_LIBEXEC: libexec() } }
	);
	const [, url] = await relay.line(/^(ws:\S+) is a port of /);
	const world = await start();
	world.url += `?relay=${url}`;
	const page = await open(world);
	await open(world); // two tabs, and no frame goes round
	await page
		.locator('.joined', { hasText: 'This LAN is joined to ws:' })
		.waitFor({ state: 'attached' });
	await prints(await startNode(page, 'homepage'), 'homepage: http://10.0.2.15/');
	const { stdout } = await promisify(execFile)('curl', [
		'-sS',
		'--max-time',
		'20',
		'--noproxy',
		'*',
		`http://127.0.0.1:${port}/`,
	]);
	assert(stdout.includes(TITLE));
	const get = await startNode(page, 'http-get');
	await prints(get, TITLE);
	await state(get, 'ended well');
	relay.process.kill('SIGTERM');
	assert.equal(await relay.exited, 0);
});

done();
