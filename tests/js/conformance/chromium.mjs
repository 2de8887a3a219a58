// SPDX-License-Identifier: ISC
// conformance/chromium.mjs [--plain] PROGRAM.wasm FIXTURE [GLOB]...: the suite in a
// Worker of Chromium; with --plain the page is not isolated. Prints TAP.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, noBrowser, openPage, serveLoader } from '../chromium.mjs';
import { skipAll } from '../tap.mjs';
import { report } from './report.mjs';

const LIMIT_MS = 540000;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** In the page: tells `tell` of each result until the end. */
function runInWorker([wasm, fixture, globs]) {
	return new Promise((resolve, reject) => {
		const worker = new Worker('/tests/js/conformance/browser-worker.mjs', {
			type: 'module',
		});
		worker.onerror = ({ message }) => reject(new Error(message));
		worker.onmessage = ({ data }) =>
			data === 'end' ? resolve() : globalThis.tell(data);
		worker.postMessage({ wasm, fixture, globs });
	});
}

const words = process.argv.slice(2);
const plain = words[0] === '--plain';
const [path, fixture, ...globs] = words.slice(plain ? 1 : 0);
if (noBrowser()) skipAll(noBrowser());
const profile = mkdtempSync(join(tmpdir(), 'mirage-chromium.'));
process.on('exit', () => rmSync(profile, { recursive: true, force: true }));
setTimeout(() => {
	process.stdout.write('Bail out! not over in time\n', () => process.exit(1));
}, LIMIT_MS).unref();

const server = await serveLoader({
	isolated: !plain,
	roots: {
		backends: join(ROOT, 'backends'),
		tests: join(ROOT, 'tests'),
		program: dirname(path),
	},
});
const browser = await launch({ profile });
const page = await openPage(browser, server);
page.setDefaultTimeout(0);
const tap = report(`js-chromium-${fixture}${plain ? '-plain' : ''}`);
await page.exposeFunction('tell', (result) => tap.result(result));
await page.evaluate(runInWorker, [
	`/program/${basename(path)}`,
	fixture,
	globs,
]);
await browser.close();
await server.close();
tap.end();
