// SPDX-License-Identifier: ISC
// Serves and builds the playground. The programs come from the folder of a build for
// JavaScript, MIRAGE_PROGRAMS, as programs/NAME.wasm.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const NAMES = [
	'hello',
	'ticker',
	'disk',
	'ping',
	'homepage',
	'http-get',
	'udp-echo',
];
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = resolve(
	process.env.MIRAGE_PROGRAMS ?? join(here, '../../build-js/examples')
);

/** What makes a page isolated: fine clocks, SharedArrayBuffer. */
const headers = {
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Embedder-Policy': 'require-corp',
};

function program(name) {
	const path = join(folder, `${name}.wasm`);
	return existsSync(path) ? readFileSync(path) : null;
}

function programs() {
	return {
		name: 'mirage-programs',
		configureServer({ middlewares }) {
			middlewares.use((request, response, next) => {
				const name = /\/programs\/([\w-]+)\.wasm$/.exec(request.url)?.[1];
				if (!name) return next();
				const bytes = NAMES.includes(name) && program(name);
				response.writeHead(bytes ? 200 : 404, {
					...headers,
					'Content-Type': bytes ? 'application/wasm' : 'text/plain',
				});
				response.end(bytes || `no ${name}.wasm in ${folder}`);
			});
		},
		generateBundle() {
			for (const name of NAMES) {
				const source = program(name);
				if (!source)
					this.error(
						`no ${name}.wasm in ${folder}: build the examples ` +
							'first (make playground does), or set ' +
							'MIRAGE_PROGRAMS to their folder'
					);
				const fileName = `programs/${name}.wasm`;
				this.emitFile({ type: 'asset', fileName, source });
			}
		},
	};
}

export default defineConfig({
	root: here,
	base: './',
	plugins: [programs()],
	server: { host: '127.0.0.1', headers },
	preview: { host: '127.0.0.1', headers },
	worker: { format: 'es' },
	build: {
		outDir: process.env.MIRAGE_PLAYGROUND ?? join(here, '../../build-playground'),
		emptyOutDir: true,
		target: 'es2022',
	},
});
