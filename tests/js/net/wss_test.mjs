// SPDX-License-Identifier: ISC
// wss: in Node and in Chromium, with certificates that are trusted and that are not.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noBrowser } from '../chromium.mjs';
import { assert, cleanup, done, skip, skipAll, test } from '../tap.mjs';
import { NETAPP, Process, RUN, listen, moved } from './app.mjs';
import { Tab, browse } from './tab.mjs';

const folder = mkdtempSync(join(tmpdir(), 'mirage-wss.'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const KEY = join(folder, 'key');
const CERT = join(folder, 'cert');

/** A certificate for this machine that it has signed itself. */
function certify() {
	const lines = [
		'req -x509 -nodes -days 2 -subj /CN=localhost',
		'-newkey ec -pkeyopt ec_paramgen_curve:prime256v1',
		'-addext subjectAltName=IP:127.0.0.1,DNS:localhost',
		`-keyout ${KEY} -out ${CERT}`,
	];
	execFileSync('openssl', lines.join(' ').split(' '), { stdio: 'pipe' });
	return { key: readFileSync(KEY), cert: readFileSync(CERT) };
}

let tls;
try {
	tls = certify();
} catch (error) {
	if (error.code !== 'ENOENT') throw error;
	skipAll('openssl is not installed');
}

/** Starts a relay that sends frames back, and `app` by its URI. */
async function withRelay(start) {
	const relay = await listen(0, tls);
	relay.socket().then?.((socket) =>
		socket.on('message', (bytes) => socket.send(bytes))
	);
	const uri = `wss://127.0.0.1:${relay.port}/`;
	return { uri, app: await start(uri) };
}

async function exchanges(start) {
	const { app } = await withRelay(start);
	await app.line(/^link up$/);
	await app.line(/^received 10 wrong 0$/);
	assert.deepEqual(moved(await app.end()), { rx: 10, tx: 10 });
	assert.deepEqual(app.log, []);
}

async function isRefused(start, why) {
	const { uri, app } = await withRelay(start);
	await app.line(/^open .*link=down$/);
	await app.logged(/ is away: /);
	assert.equal(
		app.log[0].replace(/^\w+: /, ''),
		`warning: network 'wire': ${uri} is away: ${why}; trying again`
	);
	assert.deepEqual(moved(await app.end()), {});
}

// ---------------------------------------------------------------- Node

const inNode = (env) => (uri) => {
	const args = [RUN, NETAPP, '--net', `wire=${uri}`, 'exchange', '10'];
	return new Process(process.execPath, args, { env });
};

await test('wss: in Node, a certificate that is trusted', () =>
	exchanges(inNode({ NODE_EXTRA_CA_CERTS: CERT })));

await test('wss: in Node, a certificate that is not trusted', () =>
	isRefused(inNode({}), 'self-signed certificate'));

// ------------------------------------------------------------- Chromium

async function inTab(args) {
	if (noBrowser()) skip(noBrowser());
	const browser = await browse({ args });
	cleanup(() => browser.close());
	return (uri) => Tab.start(browser, uri, 'exchange', '10');
}

await test('wss: in a tab, a certificate that is trusted', async () =>
	exchanges(await inTab(['--ignore-certificate-errors'])));

await test('wss: in a tab, a certificate that is not trusted', async () =>
	isRefused(
		await inTab([]),
		'there is no connection: is the relay running, is its certificate ' +
			'trusted, may this page connect?'
	));

done();
