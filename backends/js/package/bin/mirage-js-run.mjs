#!/usr/bin/env node
// SPDX-License-Identifier: ISC
// mirage-js-run PROGRAM.wasm [ARGUMENT]...: runs a program of Mirage for C in Node.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createMirage } from 'mirage-js';

const USAGE = `usage: mirage-js-run PROGRAM.wasm [ARGUMENT]...

Runs a program of Mirage for C in Node. The arguments are the program's; those
of its devices are told by mirage-js-run PROGRAM.wasm --help.

  --help      this text (before the program)
  --version   the version

Exit status: the program's; 134 when it died; 2 for a mistake here.
`;

async function main([wasm, ...args]) {
	if (wasm === '--help') {
		process.stdout.write(USAGE);
		return 0;
	}
	if (wasm === '--version') {
		const about = new URL('../package.json', import.meta.url);
		const { version } = JSON.parse(readFileSync(about));
		process.stdout.write(`mirage-js-run ${version}\n`);
		return 0;
	}
	if (wasm === undefined || wasm.startsWith('-')) {
		process.stderr.write(USAGE);
		return 2;
	}
	const name = basename(wasm, '.wasm');
	try {
		const instance = await createMirage({ wasm, name, args });
		return await instance.exited;
	} catch (error) {
		process.stderr.write(`mirage-js-run: ${error.message}\n`);
		return 2;
	}
}

process.exitCode = await main(process.argv.slice(2));
