// SPDX-License-Identifier: ISC
// A static server on loopback for the tests' pages: isolated by COOP and COEP unless
// told otherwise, so that clocks are fine and SharedArrayBuffer is there.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';

const TYPES = {
	'.css': 'text/css',
	'.html': 'text/html',
	'.js': 'text/javascript',
	'.json': 'application/json',
	'.mjs': 'text/javascript',
	'.wasm': 'application/wasm',
};

const ISOLATION = {
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** `roots` says which folder is behind each first part of a path; `pages` gives
 *  content for whole paths, { type, body }, perhaps with another `isolated`. */
export async function serve({ roots = {}, pages = {}, isolated = true }) {
	async function answer({ url }, response) {
		const path = normalize(new URL(url, 'http://localhost').pathname);
		const [, first, ...rest] = path.split('/');
		const page = pages[path];
		const headers = page?.isolated ?? isolated ? { ...ISOLATION } : {};
		try {
			const body =
				page?.body ?? (await readFile(join(roots[first], ...rest)));
			headers['Content-Type'] =
				page?.type ?? TYPES[extname(path)] ?? 'text/plain';
			response.writeHead(200, headers).end(body);
		} catch {
			response.writeHead(404, headers).end('not found');
		}
	}
	const server = createServer(answer);
	await new Promise((resolve, reject) => {
		server.once('error', reject).listen(0, '127.0.0.1', resolve);
	});
	return {
		// localhost is a secure context, as OPFS wants it
		origin: `http://localhost:${server.address().port}`,
		close: () => {
			server.closeAllConnections?.();
			return new Promise((resolve) => server.close(resolve));
		},
	};
}
