// SPDX-License-Identifier: ISC
// The loader and the examples in Chromium: in a page and in a Worker, isolated or
// not; and programs that are missing, broken, dying or frozen.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, noBrowser, openPage, serveLoader } from './chromium.mjs';
import { assert, cleanup, done, skipAll, test } from './tap.mjs';

if (noBrowser()) skipAll(noBrowser());

const BUILD = process.env.MIRAGE_BUILD;
const IMAGE_BYTES = (5 << 20) + 512;

const folder = mkdtempSync(join(tmpdir(), 'mirage-browser.'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const IMAGE = join(folder, 'image');
writeFileSync(IMAGE, randomBytes(IMAGE_BYTES));

const hello = readFileSync(join(BUILD, 'examples/hello.wasm'));
const wasm = (body) => ({ type: 'application/wasm', body });
const pages = {
	'/cut.wasm': wasm(hello.subarray(0, 3000)),
	'/empty.wasm': wasm(''),
	'/other.wasm': wasm(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])),
	'/page.wasm': { type: 'text/html', body: '<!doctype html>not found' },
	'/plain.wasm': { type: 'text/plain', body: hello },
	'/typed.wasm': { type: 'application/wasm; charset=utf-8', body: hello },
};
const roots = {
	examples: join(BUILD, 'examples'),
	programs: join(BUILD, 'tests/js'),
	folder,
};

const server = await serveLoader({ roots, pages });
const plain = await serveLoader({ roots, pages, isolated: false });
const browser = await launch({ profile: join(folder, 'profile') });

/** In the page: `start` gives an instance and what it says, `run` its end. */
async function prepare() {
	const { createMirage } = await import('mirage-js');
	window.start = async (options) => {
		const got = { out: '', log: [] };
		const console = {
			write(bytes) {
				got.out += new TextDecoder().decode(bytes);
			},
			log: (level, text) => got.log.push(text),
		};
		const instance = await createMirage({ console, ...options });
		return { instance, got };
	};
	window.run = async (options) => {
		try {
			const { instance, got } = await window.start(options);
			const status = await instance.exited;
			return { ...got, status };
		} catch (error) {
			return { error: error.message };
		}
	};
}

async function newPage(from = server) {
	const page = await openPage(browser, from);
	cleanup(() => page.close());
	await page.evaluate(prepare);
	return page;
}

/** Runs a program in a new page: { out, log, status } or { error }. */
async function run(options, from) {
	const page = await newPage(from);
	return page.evaluate((given) => window.run(given), options);
}

const HELLO = { out: 'Hello, world!\n', log: [], status: 0 };

// --------------------------------------------------------------- Examples

for (const worker of [false, true]) {
	const where = worker ? 'a Worker' : 'a page';

	await test(`hello in ${where}`, async () => {
		const got = await run({ wasm: '/examples/hello.wasm', worker });
		assert.deepEqual(got, HELLO);
	});

	await test(`hello in ${where} that is not isolated`, async () => {
		const page = await newPage(plain);
		assert.equal(
			await page.evaluate(() => typeof SharedArrayBuffer),
			'undefined'
		);
		const options = { wasm: '/examples/hello.wasm', worker };
		assert.deepEqual(
			await page.evaluate((o) => window.run(o), options),
			HELLO
		);
	});

	await test(`ticker in ${where}: never early`, async () => {
		const options = { wasm: '/examples/ticker.wasm', args: ['5'], worker };
		const { out, status } = await run(options);
		const line =
			/^tick (\d) of 5: (\d+) ms after the start, \d+\.\d{3} s since 1970$/gm;
		const ticks = [...out.matchAll(line)];
		assert.equal(status, 0);
		assert.deepEqual(
			ticks.map((tick) => tick[1]),
			['1', '2', '3', '4', '5']
		);
		for (const [, n, ms] of ticks) assert.ok(Number(ms) >= 100 * n, out);
	});
}

/** In the page: puts what the server has at `url` into a private file. */
async function putImage(url) {
	const root = await navigator.storage.getDirectory();
	const file = await root.getFileHandle('source', { create: true });
	const writable = await file.createWritable();
	await (await fetch(url)).body.pipeTo(writable);
}

await test('disk: the sum is that of sha256sum', async () => {
	const [sum] = execFileSync('sha256sum', [IMAGE]).toString().split(' ');
	const page = await newPage();
	await page.evaluate(putImage, '/folder/image');
	for (const to of ['opfs:copy,size=8M', 'idb:copy,size=8M', 'mem:8M']) {
		const blocks = { from: 'opfs:source,ro', to };
		const options = { wasm: '/examples/disk.wasm', blocks, worker: true };
		const { out, status, log } = await page.evaluate(
			(o) => window.run(o),
			options
		);
		assert.deepEqual([status, log], [0, []]);
		assert.match(out, new RegExp(`^SHA-256 ${sum}$`, 'm'));
	}
});

/** In the page: asks for an address on a LAN as v86 has it, resolves with the
 *  answer's bytes. */
function askArp(lan) {
	const channel = new BroadcastChannel('v86-inbrowser-' + lan);
	const me = [2, 0, 0, 0, 0, 9];
	const request = Uint8Array.from([
		...[255, 255, 255, 255, 255, 255, ...me, 8, 6],
		...[0, 1, 8, 0, 6, 4, 0, 1, ...me, 10, 0, 0, 1],
		...[0, 0, 0, 0, 0, 0, 10, 0, 0, 2],
	]);
	return new Promise((resolve) => {
		const again = setInterval(() => channel.postMessage(request), 50);
		channel.onmessage = ({ data }) => {
			clearInterval(again);
			resolve([...data]);
		};
	});
}

for (const worker of [false, true])
	await test(`ping answers another tab, ${worker ? 'in a Worker' : 'in a page'}`, async () => {
		const [one, other] = [await newPage(), await newPage()];
		const lan = `ping-${worker}`;
		const options = {
			wasm: '/examples/ping.wasm',
			networks: { service: `bc:${lan}` },
			worker,
		};
		await one.evaluate(
			async (o) => (window.ping = await window.start(o)),
			options
		);
		const answer = await other.evaluate(askArp, lan);
		assert.deepEqual(answer.slice(0, 6), [2, 0, 0, 0, 0, 9]);
		assert.deepEqual(answer.slice(12, 22), [8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
		assert.deepEqual(answer.slice(28, 32), [10, 0, 0, 2]);
		const status = await one.evaluate(() => {
			window.ping.instance.shutdown();
			return window.ping.instance.exited;
		});
		assert.equal(status, 0);
	});

// ------------------------------------------------------------------ Files

for (const [name, wanted] of [
	[
		'/missing.wasm',
		/\/missing\.wasm: cannot be fetched: the server says 404/,
	],
	['/cut.wasm', /\/cut\.wasm: is no WebAssembly \(application\/wasm\): /],
	['/empty.wasm', /\/empty\.wasm: is no WebAssembly \(application\/wasm\): /],
	['/page.wasm', /\/page\.wasm: is no WebAssembly \(text\/html\): /],
	['/other.wasm', /\/other\.wasm: is no program of Mirage for C: /],
	['http://localhost:1/x.wasm', /x\.wasm: cannot be fetched: /],
])
	await test(`refused: ${name}`, async () => {
		for (const worker of [false, true])
			assert.match((await run({ wasm: name, worker })).error, wanted);
	});

for (const name of ['/plain.wasm', '/typed.wasm'])
	await test(`a server that does not know wasm: ${name}`, async () => {
		assert.deepEqual(await run({ wasm: name }), HELLO);
	});

await test('bytes, a module and a response are programs, too', async () => {
	const page = await newPage();
	const got = await page.evaluate(async () => {
		const all = [];
		const get = () => fetch('/examples/hello.wasm');
		for (const wasm of [
			await (await get()).arrayBuffer(),
			await WebAssembly.compileStreaming(get()),
			await get(),
		])
			all.push(await window.run({ wasm }));
		return all;
	});
	assert.deepEqual(got, [HELLO, HELLO, HELLO]);
});

await test('a Worker that cannot be loaded', async () => {
	const page = await newPage();
	const { error } = await page.evaluate(() =>
		window.run({
			wasm: '/examples/hello.wasm',
			worker: new Worker('/missing.js', { type: 'module' }),
		})
	);
	assert.match(error, /^the Worker failed: /);
});

// ------------------------------------------------------------- Life, death

for (const worker of [false, true]) {
	const where = worker ? 'in a Worker' : 'in a page';

	await test(`a program that dies ${where}`, async () => {
		for (const how of ['trap', 'outside']) {
			const options = {
				wasm: '/programs/life.wasm',
				args: [how],
				worker,
			};
			const { out, log, status } = await run({
				...options,
				name: 'life',
			});
			assert.deepEqual([out, status], ['alive\n', 134]);
			assert.match(log[0], /^life: died of a trap: /);
		}
	});

	await test(`events and input ${where}`, async () => {
		const page = await newPage();
		const got = await page.evaluate(async (worker) => {
			const options = {
				wasm: '/programs/life.wasm',
				args: ['events'],
				worker,
			};
			const life = await window.start(options);
			life.instance.resumed();
			life.instance.shutdown();
			const echo = await window.start({
				wasm: '/programs/echo.wasm',
				worker,
			});
			for (const text of ['one ', 'two ', ''])
				echo.instance.input(new TextEncoder().encode(text));
			return [
				await life.instance.exited,
				life.got.out,
				await echo.instance.exited,
				echo.got.out,
			];
		}, worker);
		const said = 'ready\nresumed\nasked to end\n';
		assert.deepEqual(got, [3, said, 0, 'one two end\n']);
	});

	await test(`output to a page that reads slowly, ${where}`, async () => {
		const page = await newPage();
		const length = await page.evaluate(async (worker) => {
			const { createMirage } = await import('mirage-js');
			let instance = null;
			let out = '';
			const console = {
				write(bytes) {
					const taken = Math.min(bytes.length, 5000);
					out += new TextDecoder().decode(bytes.subarray(0, taken));
					setTimeout(() => instance.writable(), 0);
					return taken;
				},
			};
			instance = await createMirage({
				wasm: '/programs/life.wasm',
				args: ['write', '300000'],
				worker,
				console,
			});
			await instance.exited;
			const letters = 'abcdefghijklmnopqrstuvwxyz';
			return out === letters.repeat(20000).slice(0, 300000)
				? out.length
				: out.slice(0, 100);
		}, worker);
		assert.equal(length, 300000);
	});
}

/** In the page: as hidden ones are treated, or worse. */
function spoilTimers(how) {
	const arm = window.setTimeout;
	window.setTimeout = (run, ms) =>
		arm(run, how === 'late' ? Math.max(ms, 1000) : ms / 3);
}

for (const how of ['late', 'early'])
	await test(`timers that are ${how}: no tick is lost or early`, async () => {
		const page = await newPage();
		await page.evaluate(spoilTimers, how);
		const options = { wasm: '/examples/ticker.wasm', args: ['5'] };
		const { out, status } = await page.evaluate(
			(o) => window.run(o),
			options
		);
		const ticks = [...out.matchAll(/^tick (\d+) of 5: (\d+) ms/gm)];
		assert.deepEqual([status, ticks.length], [0, 5]);
		for (const [, n, ms] of ticks) assert.ok(Number(ms) >= 100 * n, out);
	});

await test('a page that comes back tells the program', async () => {
	const page = await newPage();
	const got = await page.evaluate(async () => {
		const options = { wasm: '/programs/life.wasm', args: ['events'] };
		const life = await window.start(options);
		document.dispatchEvent(new Event('resume'));
		const persisted = new Event('pageshow');
		persisted.persisted = true;
		window.dispatchEvent(persisted);
		window.dispatchEvent(new Event('pageshow'));
		life.instance.shutdown();
		return [await life.instance.exited, life.got.out];
	});
	assert.deepEqual(got, [3, 'ready\nresumed\nresumed\nasked to end\n']);
});

await browser.close();
await server.close();
await plain.close();
done();
