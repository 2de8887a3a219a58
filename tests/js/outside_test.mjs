// SPDX-License-Identifier: ISC
// Mirage for JavaScript as somebody else meets it: installed, found by pkg-config,
// built by emcc and nothing else; and the loader as a package of npm.

import { execFileSync } from 'node:child_process';
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, done, test } from './tap.mjs';

const BUILD = process.env.MIRAGE_BUILD;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGE = join(ROOT, 'backends/js/package');
const HELLO_C = join(ROOT, 'examples/hello.c');

const folder = mkdtempSync(join(tmpdir(), 'mirage-outside.'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Runs a command outside of the tree; its standard output. */
function run(command, args, more = {}) {
	return execFileSync(command, args, {
		cwd: folder,
		encoding: 'utf8',
		...more,
	});
}

/** The path within `under` that ends so. */
function find(under, end) {
	for (const entry of readdirSync(under, { withFileTypes: true })) {
		const path = join(under, entry.name);
		if (path.endsWith(end)) return path;
		const deeper = entry.isDirectory() && find(path, end);
		if (deeper) return deeper;
	}
	return null;
}

const root = join(folder, 'root');
run(
	'meson',
	['install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', root],
	{
		cwd: process.cwd(),
	}
);
const env = {
	...process.env,
	PKG_CONFIG_PATH: dirname(find(root, '/mirage-js.pc')),
};
const flags = (...words) =>
	run('pkg-config', words, { env }).trim().split(/\s+/);
const hello = join(folder, 'hello.wasm');

await test('emcc app.c $(pkg-config --cflags --libs mirage-js)', () => {
	const all = flags('--cflags', '--libs', 'mirage-js');
	run('emcc', [HELLO_C, ...all, '-o', hello]);
	assert.equal(
		run(find(root, '/bin/mirage-js-run'), [hello]),
		'Hello, world!\n'
	);
});

await test('compiled, then linked', () => {
	const object = join(folder, 'ticker.o');
	const ticker = join(folder, 'ticker.wasm');
	const source = join(ROOT, 'examples/ticker.c');
	const options = ['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-O2'];
	run('emcc', [
		...options,
		'-Wno-unused-parameter',
		...flags('--cflags', 'mirage-js'),
		'-c',
		source,
		'-o',
		object,
	]);
	run('emcc', [object, ...flags('--libs', 'mirage-js'), '-o', ticker]);
	const said = run(find(root, '/bin/mirage-js-run'), [ticker, '2']);
	assert.match(said, /^tick 2 of 2: /m);
});

await test('the package has what it needs', () => {
	const app = join(folder, 'app');
	const modules = join(app, 'node_modules');
	mkdirSync(modules, { recursive: true });
	const [{ filename }] = JSON.parse(
		run('npm', [
			'pack',
			'--json',
			'--offline',
			'--pack-destination',
			folder,
			PACKAGE,
		])
	);
	run('tar', ['-xf', join(folder, filename), '-C', modules]);
	run('mv', [join(modules, 'package'), join(modules, 'mirage-js')]);
	writeFileSync(
		join(app, 'app.mjs'),
		`import { createMirage } from 'mirage-js';
		const disk = 'mem:1M';
		const program = await createMirage({
			wasm: ${JSON.stringify(join(BUILD, 'examples/disk.wasm'))},
			blocks: { from: disk, to: disk },
		});
		process.exitCode = await program.exited;`
	);
	const out = run(process.execPath, ['app.mjs'], { cwd: app });
	assert.match(
		out,
		/^SHA-256 30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58$/m
	);
});

done();
