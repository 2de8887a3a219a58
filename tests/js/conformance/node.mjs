// SPDX-License-Identifier: ISC
// conformance/node.mjs PROGRAM.wasm FIXTURE [GLOB]...: the suite in Node. Prints TAP.

import { readFileSync } from 'node:fs';
import { createMirage } from 'mirage-js';
import { memory, objects } from './fixtures.mjs';
import { file } from './node-fixtures.mjs';
import { report } from './report.mjs';
import { listCases, runCase } from './run.mjs';

const fixtures = { objects, memory, file };

const [path, name, ...globs] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(path));
const tap = report(`js-${name}`);
for (const test of await listCases(createMirage, module, globs))
	tap.result(await runCase(createMirage, module, test, fixtures[name]));
tap.end();
