// SPDX-License-Identifier: ISC
// homepage and http-get in Node, on a stream: with each other, and with those of the
// unix backend.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assert, cleanup, done, skip, test } from '../tap.mjs';
import { BUILD, NATIVE, Process, RUN, SOURCE } from './app.mjs';

const PAGE = readFileSync(join(SOURCE, 'examples/homepage/site/inside.html'));
const run = promisify(execFile);

/** The words that start a program: in Node, or natively. */
function words(name, native) {
	if (!native) return [process.execPath, RUN, join(BUILD, `examples/${name}.wasm`)];
	const path = join(NATIVE, 'examples', name);
	if (!existsSync(path)) skip(`there is no ${path}`);
	return [path];
}

for (const [server, client] of [
	['Node', 'Node'],
	['Node', 'unix'],
	['unix', 'Node'],
])
	await test(`http-get on ${client} fetches the homepage on ${server}`, async () => {
		const folder = mkdtempSync(join(tmpdir(), 'mirage-site.'));
		cleanup(() => rmSync(folder, { recursive: true, force: true }));
		const wire = ['--net', `service=unix:${folder}/wire`, '--ipv4'];
		const [program, ...first] = words('homepage', server === 'unix');
		const homepage = new Process(program, [...first, ...wire, '10.8.0.1/24']);
		await homepage.line(/^homepage: http:\/\/10\.8\.0\.1\/$/);
		const [get, ...more] = words('http-get', client === 'unix');
		const url = 'http://10.8.0.1/inside.html';
		for (let again = 0; again < 2; again++) {
			const { stdout } = await run(
				get,
				[...more, ...wire, '10.8.0.2/24', url],
				{ encoding: 'buffer', timeout: 30000 }
			);
			assert(stdout.equals(PAGE));
			await homepage.line(/^10\.8\.0\.2 .*"GET \/inside.html HTTP\/1.1" 200 /);
		}
		homepage.process.kill('SIGTERM');
		assert.equal(await homepage.exited, 0);
	});

done();
