// SPDX-License-Identifier: ISC
// Rounds of a benchmark: the figure and its floor in turns, so that both have the
// machine as it is at the time. Prints lines as bench.c does.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const BUILD = process.env.MIRAGE_BUILD;
export const PROGRAM = `${BUILD}/bench/js/bench_js.wasm`;
const ROUNDS = 5;
const PATIENCE_MS = 20000;
export const RUN = fileURLToPath(
	new URL('../../backends/js/package/bin/mirage-js-run.mjs', import.meta.url)
);
const PLAIN = fileURLToPath(new URL('plain.mjs', import.meta.url));

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[sorted.length >> 1];
}

/** Starts a command; `output` is what it has printed at its end. */
export function start(command, ...args) {
	const child = spawn(command, args.map(String), {
		stdio: ['ignore', 'pipe', 'inherit'],
		timeout: PATIENCE_MS,
	});
	let text = '';
	child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
	const output = new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (status) =>
			status === 0
				? resolve(text)
				: reject(new Error(`${args.join(' ')}: status ${status}`))
		);
	});
	return { child, output };
}

/** The figure that a program prints: its last word. */
export const figure = async ({ output }) =>
	Number((await output).trim().split(/\s+/).at(-1));

export const mirage = (...args) =>
	start(process.execPath, RUN, PROGRAM, '--log', 'error', ...args);
export const plain = (...args) => start(process.execPath, PLAIN, ...args);

export const print = (line) => console.log(JSON.stringify(line));

export const printLone = (name, value, unit) =>
	print({ name, value, unit, against: null, against_value: null, ratio: null });

/** Rounds of `ours` and `theirs`, which return figures. Of times the ratio is that of
 *  the speeds. Prints and returns a line. */
export async function compare(name, unit, against, ours, theirs) {
	const values = [];
	const floors = [];
	for (let i = 0; i < ROUNDS; i++) {
		values.push(await ours());
		floors.push(await theirs());
	}
	const ratios = values.map((value, i) =>
		unit === 'ns' ? floors[i] / value : value / floors[i]
	);
	const line = {
		name,
		value: median(values),
		unit,
		against,
		against_value: median(floors),
		ratio: median(ratios),
	};
	print(line);
	return line;
}

/** Of several lines the one that does worst, under another name. */
export function worst(name, ...lines) {
	lines.sort((a, b) => a.ratio - b.ratio);
	print({ ...lines[0], name });
}
