// SPDX-License-Identifier: ISC
// The loader in Node: programs that end, die and write much, and files that are no
// programs.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMirage } from 'mirage-js';
import { assert, done, test } from './tap.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RUN = join(ROOT, 'backends/js/package/bin/mirage-js-run.mjs');
const BUILD = process.env.MIRAGE_BUILD;
const HELLO = join(BUILD, 'examples/hello.wasm');
const LIFE = join(BUILD, 'tests/js/life.wasm');
const ECHO = join(BUILD, 'tests/js/echo.wasm');
const TEN_MIB = 10 << 20;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

const folder = mkdtempSync(join(tmpdir(), 'mirage-node.'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Runs mirage-js-run: { status, out, err }. */
function run(...args) {
	return new Promise((resolve) => {
		const options = { maxBuffer: 4 * TEN_MIB, timeout: 60000 };
		execFile(process.execPath, [RUN, ...args], options, (e, out, err) =>
			resolve({ status: e ? e.code : 0, out, err })
		).stdin.end();
	});
}

function file(name, content) {
	const path = join(folder, name);
	writeFileSync(path, content);
	return path;
}

/** What a program writes that is started here, and how it ends. */
async function started(wasm, args, more = {}) {
	const got = { out: '', log: [] };
	const console = {
		write: (bytes) => {
			got.out += Buffer.from(bytes);
		},
		log: (level, text) => got.log.push(text),
	};
	const instance = await createMirage({ wasm, args, console, ...more });
	return { instance, got };
}

// ------------------------------------------------------------------ Files

async function refuses(path, wanted) {
	const { status, out, err } = await run(path);
	assert.equal(status, 2);
	assert.equal(out, '');
	assert.match(err, wanted);
}

await test('a missing program', () =>
	refuses(
		join(folder, 'none.wasm'),
		/^mirage-js-run: none: .*none\.wasm: .*no such file/
	));

await test('an empty program', () =>
	refuses(file('empty.wasm', ''), /empty\.wasm: is no WebAssembly: /));

await test('a program cut short', () =>
	refuses(
		file('cut.wasm', readFileSync(HELLO).subarray(0, 3000)),
		/cut\.wasm: is no WebAssembly: /
	));

await test('a folder', () => refuses(folder, /: .*directory/i));

const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

await test('WebAssembly of something else', () =>
	refuses(
		file('other.wasm', EMPTY_MODULE),
		/other\.wasm: is no program of Mirage for C: link it with mirage-js/
	));

// (module (import "env" "gone" (func)))
const IMPORTING = Uint8Array.of(
	...EMPTY_MODULE,
	...[1, 4, 1, 0x60, 0, 0],
	...[2, 12, 1, 3, 0x65, 0x6e, 0x76, 4, 0x67, 0x6f, 0x6e, 0x65, 0, 0]
);

await test('a program that imports what nobody has', () =>
	refuses(file('import.wasm', IMPORTING), /import\.wasm: .*gone/));

await test('no program is given', async () => {
	for (const args of [[], ['--unknown']]) {
		const { status, err } = await run(...args);
		assert.equal(status, 2);
		assert.match(err, /^usage: mirage-js-run PROGRAM\.wasm/);
	}
});

await test('--help and --version', async () => {
	const help = await run('--help');
	assert.equal(help.status, 0);
	assert.match(help.out, /^usage: mirage-js-run/);
	const version = await run('--version');
	assert.match(version.out, /^mirage-js-run \d+\.\d+\.\d+\n$/);
});

const page = (name) => readFileSync(join(ROOT, 'doc', name), 'utf8');

/** The options and the schemes of URIs in a help, as doc/covers.py has them. */
function words(help) {
	return [
		...[...help.matchAll(/^ {2}(--[a-z-]+|[a-z]+:)/gm)].map((m) => m[1]),
		...[...help.matchAll(/[ ,[]([a-z]+=)/g)].map((m) => m[1]),
	];
}

await test('the manual pages have what --help has', async () => {
	for (const [args, pages] of [
		[['--help'], ['mirage-js-run.1.scd']],
		[
			[HELLO, '--help'],
			['mirage-js.7.scd', 'mirage.7.scd'],
		],
	]) {
		const { out } = await run(...args);
		const text = pages
			.map(page)
			.join('')
			.replace(/[*_\\]/g, '');
		const missing = words(out).filter((word) => !text.includes(word));
		assert.deepEqual(missing, []);
		assert.ok(words(out).length >= 2);
	}
});

// ------------------------------------------------------------------- Ends

await test("the status is the program's", async () => {
	for (const status of [0, 1, 77, 127])
		assert.equal((await run(LIFE, 'exit', `${status}`)).status, status);
});

await test('a dead program says so', async () => {
	for (const [how, why] of [
		['trap', 'unreachable'],
		['overflow', /stack|memory access out of bounds/],
		['outside', 'memory access out of bounds'],
	]) {
		const { status, out, err } = await run(LIFE, how);
		assert.deepEqual({ status, out }, { status: 134, out: 'alive\n' });
		assert.match(err, new RegExp(`^life: died of a trap: .*`));
		assert.match(err, why instanceof RegExp ? why : new RegExp(why));
	}
});

await test('a dead program is left alone', async () => {
	const { instance, got } = await started(LIFE, ['trap']);
	assert.equal(await instance.exited, 134);
	assert.ok(instance.trap instanceof WebAssembly.RuntimeError);
	const log = got.log.length;
	instance.input(Buffer.from('more'));
	instance.shutdown();
	instance.resumed();
	instance.writable();
	await new Promise((resolve) => setTimeout(resolve, 20));
	assert.deepEqual([got.out, got.log.length], ['alive\n', log]);
});

await test('two programs in one Node', async () => {
	const wasm = await WebAssembly.compile(readFileSync(LIFE));
	const both = await Promise.all([
		started(wasm, ['exit', '4']),
		started(wasm, ['trap']),
	]);
	const ends = both.map(({ instance }) => instance.exited);
	assert.deepEqual(await Promise.all(ends), [4, 134]);
});

await test('SIGTERM and SIGINT are events', async () => {
	for (const signal of ['SIGTERM', 'SIGINT']) {
		const child = spawn(process.execPath, [RUN, LIFE, 'events']);
		let out = '';
		child.stdout.on('data', (bytes) => {
			out += bytes;
			if (out === 'ready\n') child.kill(signal);
		});
		const status = await new Promise((end) => child.on('close', end));
		assert.deepEqual([out, status], ['ready\nasked to end\n', 3]);
	}
});

await test('events of the caller', async () => {
	const { instance, got } = await started(LIFE, ['events']);
	instance.resumed();
	assert.equal(got.out, 'ready\nresumed\n');
	instance.shutdown();
	assert.equal(await instance.exited, 3);
	assert.equal(got.out, 'ready\nresumed\nasked to end\n');
});

// ---------------------------------------------------------------- Console

for (const how of ['write', 'print'])
	await test(`10 MiB through a pipe: ${how}`, async () => {
		const { status, out, err } = await run(LIFE, how, `${TEN_MIB}`);
		assert.deepEqual({ status, err }, { status: 0, err: '' });
		assert.equal(out.length, TEN_MIB);
		const wanted = LETTERS.repeat(TEN_MIB / 26 + 1).slice(0, TEN_MIB);
		assert.ok(out === wanted, 'bytes are mixed up');
	});

await test('a console that takes little at a time', async () => {
	let out = '';
	let instance = null;
	const console = {
		write: (bytes) => {
			const taken = Math.min(bytes.length, 700);
			out += Buffer.from(bytes.subarray(0, taken));
			setTimeout(() => instance.writable(), 0);
			return taken;
		},
	};
	const args = ['write', '100000'];
	instance = await createMirage({ wasm: LIFE, args, console });
	assert.equal(await instance.exited, 0);
	assert.equal(out.length, 100000);
});

await test('a console whose reader is gone', async () => {
	const console = { write: () => -1, log() {} };
	const args = ['write', '100000'];
	const instance = await createMirage({ wasm: LIFE, args, console });
	assert.equal(await instance.exited, 1);
});

await test('input that was given', async () => {
	const { instance, got } = await started(ECHO, []);
	for (const text of ['one ', 'two ', '']) instance.input(Buffer.from(text));
	assert.equal(await instance.exited, 0);
	assert.equal(got.out, 'one two end\n');
});

done();
