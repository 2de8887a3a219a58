// SPDX-License-Identifier: ISC
// Builds the playground as `npm run build` does: SOURCE BUILD STAMP DEPFILE.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const [source, folder, stamp, depfile] = process.argv.slice(2);
const root = join(source, 'examples/playground');

process.env.MIRAGE_PROGRAMS = join(folder, 'examples');
process.env.MIRAGE_PLAYGROUND = join(folder, 'playground');
await build({ root, logLevel: 'warn' });

function files(at) {
	return readdirSync(at, { withFileTypes: true }).flatMap((entry) =>
		entry.isDirectory()
			? files(join(at, entry.name))
			: [join(at, entry.name)]
	);
}

const sources = ['examples/playground', 'backends/js/package/src'].flatMap(
	(name) => files(join(source, name))
);
writeFileSync(depfile, `${stamp}: ${sources.join(' ')}\n`);
writeFileSync(stamp, '');
