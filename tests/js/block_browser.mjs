// SPDX-License-Identifier: ISC
// Disks in Chromium: what was flushed to the origin's private files (OPFS) and to
// IndexedDB is there after a reload and after the death of the tab; and clear words
// where a disk cannot be had.

import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, noBrowser, openPage, serveLoader } from './chromium.mjs';
import { assert, cleanup, done, note, skipAll, test } from './tap.mjs';

const BUILD = process.env.MIRAGE_BUILD ?? '.';
const KIB = 1024;
const ROUNDS = 5;

const why =
	noBrowser() ??
	(fs.existsSync(join(BUILD, 'tests/js/disk_log.wasm'))
		? null
		: 'disk_log.wasm is not built');
if (why) skipAll(why);

const profile = fs.mkdtempSync(join(tmpdir(), 'mirage-block-'));
const server = await serveLoader({ roots: { build: BUILD } });
let browser = await launch({ profile });
const messages = new Map(); // by page: what its program said

// ----------------------------------------------------------------- Programs

/** A page. After a kill the browser may offer a process that is dead, once. */
async function openAlive() {
	try {
		return await openPage(browser, server);
	} catch (error) {
		if (!/crashed/.test(error.message)) throw error;
		return openPage(browser, server);
	}
}

/** A page whose programs' words arrive here as they are said. */
async function newTab() {
	const page = await openAlive();
	const said = { lines: [], logged: [], told: () => {} };
	messages.set(page, said);
	await page.exposeFunction('say', (kind, text) => {
		if (kind === 'log') said.logged.push(text);
		else said.lines.push(...text.split('\n').filter((line) => line !== ''));
		said.told();
	});
	return page;
}

async function closeTab(page) {
	messages.delete(page);
	await page.close();
}

/** Starts disk_log; `window.over` resolves with its status. */
async function start(page, disk, args, { worker = true } = {}) {
	const said = messages.get(page);
	said.lines.length = said.logged.length = 0;
	await page.evaluate(
		async ({ disk, args, worker }) => {
			const { createMirage } = await import('mirage-js');
			const decoder = new TextDecoder();
			window.instance = await createMirage({
				wasm: new URL('/build/tests/js/disk_log.wasm', location.href).href,
				blocks: { disk },
				args,
				worker,
				console: {
					write: (bytes) => void window.say('out', decoder.decode(bytes)),
					log: (level, text) => void window.say('log', text),
				},
			});
		},
		{ disk, args, worker }
	);
	return said;
}

/** Runs disk_log to its end. */
async function run(page, disk, args, options) {
	const said = await start(page, disk, args, options);
	const status = await page.evaluate(() => window.instance.exited);
	return { status, lines: [...said.lines], log: said.logged.join('\n') };
}

const numberIn = (line) => Number(line.split(' ')[1]);

function untilSaid(said, lines) {
	return new Promise((resolve, reject) => {
		said.told = () => {
			if (said.lines.length >= lines) resolve();
			else if (said.logged.length > 0) reject(new Error(said.logged.join()));
		};
		said.told();
	});
}

/** The processes of the tabs of the browser that has our profile. */
function renderers() {
	const parents = new Map();
	const found = [];
	let main = null;
	for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
		try {
			const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
			const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
			parents.set(pid, /^PPid:\t(\d+)$/m.exec(status)[1]);
			if (command.includes('--type=renderer')) found.push(pid);
			else if (command.includes(profile) && !command.includes('--type='))
				main ??= pid;
		} catch {
			// gone meanwhile
		}
	const isOurs = (pid) =>
		pid !== undefined && (pid === main || isOurs(parents.get(pid)));
	assert.ok(main, 'no process has our profile');
	return found.filter((pid) => isOurs(pid)).map(Number);
}

// ------------------------------------------------------------------ Keeping

for (const scheme of ['opfs', 'idb']) {
	await test(`${scheme}: what was flushed is there after a reload`, async () => {
		const page = await newTab();
		cleanup(() => closeTab(page));
		const disk = `${scheme}:reload,size=4M`;
		let result = await run(page, disk, ['records=64']);
		assert.equal(result.status, 0, result.log);
		assert.equal(result.lines[0], 'found 0');
		assert.equal(result.lines.at(-1), 'flushed 64');
		await page.reload();
		const said = await start(page, disk, ['expect=64']);
		await untilSaid(said, 20);
		assert.equal(said.lines[0], 'found 64');
		await page.reload(); // in the middle of writing
		const flushed = numberIn(said.lines.at(-1));
		result = await run(page, disk, [`expect=${flushed}`, 'records=0']);
		assert.equal(result.status, 0, result.log);
		assert.ok(numberIn(result.lines[0]) >= flushed);
	});

	await test(`${scheme}: what was flushed outlives the tab's process`, async () => {
		const disk = `${scheme}:killed,size=4M`;
		let flushed = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const page = await newTab();
			const said = await start(page, disk, [`expect=${flushed}`]);
			await untilSaid(said, 8 + 5 * round);
			const crashed = new Promise((resolve) => page.once('crash', resolve));
			const pids = renderers();
			assert.ok(pids.length > 0);
			for (const pid of pids) process.kill(pid, 'SIGKILL');
			await crashed;
			assert.match(said.lines[0], /^found \d+$/, said.logged.join('\n'));
			const now = numberIn(said.lines.at(-1));
			assert.ok(now > flushed, `${now} after ${flushed}`);
			flushed = now;
			await closeTab(page);
		}
		const page = await newTab();
		cleanup(() => closeTab(page));
		const result = await run(page, disk, [`expect=${flushed}`, 'records=0']);
		assert.equal(result.status, 0, result.log);
		note(`${scheme}: ${flushed} records, found ${numberIn(result.lines[0])}`);
	});

	await test(`${scheme}: a second program is told that the disk is in use`, async () => {
		const [first, second] = [await newTab(), await newTab()];
		cleanup(() => closeTab(first));
		cleanup(() => closeTab(second));
		const disk = `${scheme}:second,size=4M`;
		const said = await start(first, disk, []);
		await untilSaid(said, 2);
		const result = await run(second, disk, ['records=0']);
		assert.equal(result.status, 1);
		assert.match(result.log, /in use by another program, here or in another tab/);
		await untilSaid(said, said.lines.length + 3); // goes on
		await closeTab(first);
		const again = await run(second, disk, ['records=0']);
		assert.equal(again.status, 0, again.log);
		cleanup(async () => {});
	});

	await test(`${scheme}: a disk that is to be read only has to be there`, async () => {
		const page = await newTab();
		cleanup(() => closeTab(page));
		const result = await run(page, `${scheme}:absent,ro`, ['records=0']);
		assert.equal(result.status, 1);
		assert.match(result.log, /no such disk; leave out ,ro to make it/);
		const made = await run(page, `${scheme}:absent,size=4M`, ['records=16']);
		assert.equal(made.status, 0, made.log);
		const read = await run(page, `${scheme}:absent,ro`, ['records=0', 'expect=16']);
		assert.equal(read.status, 0, read.log);
		assert.deepEqual(read.lines, ['found 16']);
	});

	await test(`${scheme}: a disk keeps the size it was made with`, async () => {
		const page = await newTab();
		cleanup(() => closeTab(page));
		await run(page, `${scheme}:sized,size=4M`, ['records=16']);
		const result = await run(page, `${scheme}:sized,size=8M`, ['records=0']);
		assert.equal(result.status, 0);
		assert.match(result.log, /block 'disk': was made with 4194304 bytes, which it/);
	});
}

await test('opfs: disks lie in folders, and a folder is no disk', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const made = await run(page, 'opfs:a/b/c.img,size=4M', ['records=16']);
	assert.equal(made.status, 0, made.log);
	for (const path of ['a/b', 'a/b/c.img/d'])
		assert.match(
			(await run(page, `opfs:${path}`, [])).log,
			/a file is no folder, nor a folder a disk/
		);
	assert.match((await run(page, 'opfs:', [])).log, /no path; write opfs:PATH/);
});

// -------------------------------------------------------------- Not to be had

await test('where there are no private files the message says what to do', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const inPage = { worker: false };
	const result = await run(page, 'opfs:none', ['records=0'], inPage);
	assert.equal(result.status, 1);
	assert.match(result.log, /want a Worker: .*; or write idb:none/);

	const other = await run(page, 'disk:none,size=4M', ['records=16'], inPage);
	assert.equal(other.status, 0, other.log);
	assert.match(other.log, /want a Worker: .*; it is idb:none instead/);
	const there = await run(page, 'idb:none', ['records=0', 'expect=16'], inPage);
	assert.deepEqual([there.status, ...there.lines], [0, 'found 16'], there.log);

	await page.evaluate(() => {
		Object.defineProperty(navigator.storage, 'getDirectory', { value: undefined });
	});
	const old = await run(page, 'opfs:none', ['records=0'], inPage);
	assert.match(old.log, /this browser has no private files/);
});

await test('disk: is the private files where they are', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const result = await run(page, 'disk:best,size=4M', ['records=16']);
	assert.deepEqual([result.status, result.log], [0, '']);
	const there = await run(page, 'opfs:best', ['records=0', 'expect=16']);
	assert.deepEqual([there.status, ...there.lines], [0, 'found 16'], there.log);
});

/** What the origin may store from now on, until the end of the test. */
async function limitQuota(page, moreBytes) {
	const session = await browser.newCDPSession(page);
	const { origin } = server;
	const { usage } = await session.send('Storage.getUsageAndQuota', { origin });
	const quotaSize = usage + moreBytes;
	await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize });
	cleanup(() => session.send('Storage.overrideQuotaForOrigin', { origin }));
}

await test('a quota that is used up is no space left', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	await run(page, 'idb:full,size=64M', ['records=16']);
	await limitQuota(page, 64 * KIB);
	const opfs = await run(page, 'opfs:full,size=64M', ['records=0']);
	assert.equal(opfs.status, 1);
	assert.match(
		opfs.log,
		/the browser does not grant 67108864 bytes; give a smaller size=, or remove data/
	);
	const idb = await run(page, 'idb:full', ['records=65536', 'expect=16']);
	assert.equal(idb.status, 1, idb.lines.join());
	assert.match(idb.log, /the quota of this site is used up; remove some of its data/);
	assert.match(idb.log, /(write|flush): no space left behind the device/);
});

// ------------------------------------------------------- Extents of IndexedDB

/** Runs `body` in the page with a disk of 256 KiB and functions for it. */
function withIdb(page, name, body) {
	return page.evaluate(
		async ({ name, body }) => {
			const { open } = await import('/mirage/src/block-idb.js');
			const options = { path: name, readOnly: false, sizeBytes: 262144 };
			const disk = await open(options, { log() {} });
			const ask = (verb, ...args) =>
				new Promise((resolve, reject) =>
					disk[verb](...args, (error) =>
						error ? reject(error) : resolve()
					)
				);
			const write = (offset, length, byte) =>
				ask('write', offset, new Uint8Array(length).fill(byte), 0, length);
			/** The runs of equal bytes: [length, byte]. */
			const runs = async (offset, length) => {
				const memory = new Uint8Array(length + 2).fill(0xee);
				await ask('read', offset, memory, 1, length);
				const found = [];
				for (const byte of memory) {
					if (found.at(-1)?.[1] === byte) found.at(-1)[0]++;
					else found.push([1, byte]);
				}
				return found.slice(1, -1);
			};
			try {
				return await new Function(
					'disk', 'ask', 'write', 'runs',
					`return (async () => {${body}})()`
				)(disk, ask, write, runs);
			} finally {
				disk.close();
			}
		},
		{ name, body }
	);
}

const EXTENT = 64 * KIB;

await test('idb: requests of one batch share extents without loss', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const found = await withIdb(
		page,
		'shared',
		`await Promise.all([
			write(0, 512, 1), write(512, 512, 2), write(65024, 1024, 3),
			write(131072, 65536, 4), write(131072 + 4096, 512, 5),
		]);
		return runs(0, 262144);`
	);
	assert.deepEqual(found, [
		[512, 1],
		[512, 2],
		[EXTENT - 1536, 0],
		[1024, 3],
		[EXTENT - 512, 0],
		[4096, 4],
		[512, 5],
		[EXTENT - 4608, 4],
		[EXTENT, 0],
	]);
});

await test('idb: zeroes are zeroes, in whole extents and in parts', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const found = await withIdb(
		page,
		'zeroes',
		`await write(0, 262144, 7);
		await Promise.all([
			ask('writeZeroes', 32768, 163840), write(65536, 512, 8),
		]);
		return runs(0, 262144);`
	);
	assert.deepEqual(found, [
		[32 * KIB, 7],
		[32 * KIB, 0],
		[512, 8],
		[128 * KIB - 512, 0],
		[EXTENT, 7],
	]);
});

await test('idb: a discard takes whole extents only', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const found = await withIdb(
		page,
		'discard',
		`await write(0, 262144, 7);
		await ask('discard', 32768, 163840);
		await ask('discard', 512, 1024);
		return runs(0, 262144);`
	);
	assert.deepEqual(found, [
		[EXTENT, 7],
		[2 * EXTENT, 0],
		[EXTENT, 7],
	]);
});

await test('idb: a transaction that fails, fails all that is in it', async () => {
	const page = await newTab();
	cleanup(() => closeTab(page));
	const found = await withIdb(
		page,
		'failing',
		`await write(0, 512, 1);
		const put = IDBObjectStore.prototype.put;
		IDBObjectStore.prototype.put = function (...args) {
			this.transaction.abort();
			return put.apply(this, args);
		};
		const all = await Promise.allSettled([
			write(512, 512, 2), ask('flush'), runs(0, 512),
		]);
		IDBObjectStore.prototype.put = put;
		const after = await runs(0, 1024);
		return [all.map(({ status }) => status), after];`
	);
	assert.deepEqual(found, [
		['rejected', 'rejected', 'rejected'],
		[
			[512, 1],
			[512, 0],
		],
	]);
});

await browser.close();
await server.close();
fs.rmSync(profile, { recursive: true, force: true });
done();
