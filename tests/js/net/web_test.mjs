// SPDX-License-Identifier: ISC
// A page that a tab of Chromium serves, read by this machine's curl: through
// mirage-relay and a forwarded port, without privileges.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { noBrowser } from '../chromium.mjs';
import { assert, done, skip, skipAll, test } from '../tap.mjs';
import { NATIVE, Process, SOURCE, freePort, libexec } from './app.mjs';
import { Tab, browse } from './tab.mjs';

if (noBrowser()) skipAll(noBrowser());

const HOMEPAGE = '/examples/homepage.wasm';
const SITE = join(SOURCE, 'examples/homepage/site');
const RELAY = join(SOURCE, 'tools/relay/mirage-relay.mjs');
const TITLE = 'Mirage for C: a page that is its own operating system';
const PAPER = { light: 'rgb(253, 251, 247)', dark: 'rgb(20, 22, 26)' };
const run = promisify(execFile);

async function curl(...args) {
	const given = ['-sS', '--max-time', '20', '--noproxy', '*', ...args];
	const { stdout } = await run('curl', given, { encoding: 'buffer' }).catch(
		(error) => {
			if (error.code === 'ENOENT') skip('curl is not installed');
			throw error;
		}
	);
	return stdout;
}

const browser = await browse();

/** A homepage in a tab, which is a port of this machine: { tab, origin, end }. */
async function forwarded() {
	if (!existsSync(join(NATIVE, 'tools/slirp/mirage-slirp')))
		skip('there is no mirage-slirp');
	const port = await freePort();
	const net = `slirp:,hostfwd=tcp::${port}-:80`;
	const relay = new Process(
		process.execPath,
		[RELAY, '--listen', '127.0.0.1:0', '--net', net],
		{ env: { MIRAGE_LIBEXEC: libexec() } }
	);
	const [, url] = await relay.line(/^(ws:\S+) is a port of /);
	const tab = await Tab.run(browser, {
		wasm: HOMEPAGE,
		networks: { service: url },
	});
	await tab.line(/^homepage: http:\/\/10\.0\.2\.15\/$/);
	const end = async () => {
		assert.equal(await tab.exit(), 0);
		relay.process.kill('SIGTERM');
		assert.equal(await relay.exited, 0);
	};
	return { tab, origin: `http://127.0.0.1:${port}`, end };
}

await test('curl reads the homepage of a tab', async () => {
	const { tab, origin, end } = await forwarded();
	for (const name of ['index.html', 'style.css', 'logo.svg']) {
		const got = await curl(`${origin}/${name}`);
		assert(got.equals(readFileSync(join(SITE, name))), name);
	}
	const status = await curl(`${origin}/status`);
	assert.equal(JSON.parse(status).backend, 'js');
	await tab.line(/"GET \/status HTTP\/1\.1" 200/);
	await end();
});

await test('a tab loads the homepage of another tab, and all of it', async () => {
	const { origin, end } = await forwarded();
	for (const colorScheme of ['light', 'dark']) {
		const context = await browser.browser.newContext({ colorScheme });
		const page = await context.newPage();
		const wrong = [];
		page.on('pageerror', (error) => wrong.push(error.message));
		page.on('console', (said) => said.type() === 'error' && wrong.push(said.text()));
		page.on('request', (request) => {
			if (!request.url().startsWith(origin)) wrong.push(request.url());
		});
		await page.goto(origin);
		await page.locator('[data-key=backend]', { hasText: 'js' }).waitFor();
		assert.equal(await page.title(), TITLE);
		assert(await page.evaluate(() => document.querySelector('img').naturalWidth > 0));
		const paper = await page.evaluate(
			() => getComputedStyle(document.body).backgroundColor
		);
		assert.equal(paper, PAPER[colorScheme]);
		await page.getByRole('link', { name: 'What runs it', exact: true }).click();
		await page.getByRole('img', { name: 'The layers of the program' }).waitFor();
		assert.deepEqual(wrong, []);
		await context.close();
	}
	await end();
});

await test('tabs fetch from each other', async () => {
	const networks = { service: 'bc:web' };
	const server = await Tab.run(browser, {
		wasm: HOMEPAGE,
		networks,
		args: ['--ipv4', '10.9.0.1/24', '--quiet'],
	});
	await server.line(/^homepage: /);
	const client = await Tab.run(browser, {
		wasm: '/examples/http-get.wasm',
		networks,
		args: ['--ipv4', '10.9.0.2/24', 'http://10.9.0.1/inside.html'],
	});
	await client.line(/^<title>What runs it: Mirage for C<\/title>$/);
	await client.line(/^<\/html>$/);
	assert.equal(await server.exit(), 0);
});

await browser.close();
done();
