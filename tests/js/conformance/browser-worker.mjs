// SPDX-License-Identifier: ISC
// The suite in a Worker: takes { wasm, fixture, globs }, posts the plan, each result,
// and 'end'.

import { createMirage } from '../../../backends/js/package/src/browser.js';
import { fixtures } from './browser-fixtures.mjs';
import { listCases, runCase } from './run.mjs';

addEventListener('message', async ({ data: { wasm, fixture, globs } }) => {
	const module = await WebAssembly.compileStreaming(fetch(wasm));
	for (const test of await listCases(createMirage, module, globs))
		postMessage(
			await runCase(createMirage, module, test, fixtures[fixture])
		);
	postMessage('end');
});
