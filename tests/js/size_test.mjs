// SPDX-License-Identifier: ISC
// What a page loads to say hello: the loader, bundled and minified, and the program,
// after gzip. What is imported only by programs with devices, and by pages that want
// a Worker, is not counted: hello does not load it.

import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { assert, done, note, test } from './tap.mjs';

const LIMIT_BYTES = 12288;
const HELLO = join(process.env.MIRAGE_BUILD, 'examples/hello.wasm');
const PAGE =
	"import { createMirage } from 'mirage-js';" +
	"createMirage({ wasm: 'hello.wasm' });";

const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** The files that `entry` imports at once, itself included. */
function loaded({ outputs }, entry) {
	const names = new Set([entry]);
	for (const name of names)
		for (const { path, kind } of outputs[name].imports)
			if (kind === 'import-statement') names.add(path);
	return [...names];
}

await test(`hello for the web is ${LIMIT_BYTES} bytes at most`, async () => {
	const { metafile, outputFiles } = await build({
		stdin: {
			contents: PAGE,
			resolveDir: fileURLToPath(new URL('.', import.meta.url)),
			sourcefile: 'page.js',
		},
		bundle: true,
		splitting: true,
		minify: true,
		format: 'esm',
		platform: 'browser',
		target: 'es2022',
		outdir: '/out',
		metafile: true,
		write: false,
	});
	const entry = Object.keys(metafile.outputs).find((name) =>
		metafile.outputs[name].entryPoint?.endsWith('page.js')
	);
	const sizes = loaded(metafile, entry).map((name) => {
		const file = outputFiles.find(({ path }) =>
			path.endsWith(name.slice(name.lastIndexOf('/')))
		);
		return gzip(file.contents);
	});
	const script = sizes.reduce((sum, size) => sum + size, 0);
	const program = gzip(readFileSync(HELLO));
	note(
		`hello: ${script} bytes of JavaScript in ${sizes.length} files and ` +
			`${program} of WebAssembly, ${script + program} after gzip`
	);
	assert.ok(script > 0 && program > 0);
	assert.ok(script + program <= LIMIT_BYTES, `${script + program} bytes`);
});

done();
