// SPDX-License-Identifier: ISC
// Tests that print TAP: `test(name, run)` for each, in order, then `done()`. A test
// fails by throwing, such as from node:assert, and is skipped by `skip(why)`. What a
// test has to undo it gives to `cleanup`.

import assert from 'node:assert/strict';

export { assert };

const PATIENCE_MS = 60000;

class Skipped extends Error {}

let number = 0;
const undo = [];

/** Ends the present test as skipped. */
export function skip(why) {
	throw new Skipped(why);
}

/** `run` is called at the end of the present test, last first. */
export function cleanup(run) {
	undo.push(run);
}

function comment(text) {
	return text.trimEnd().replace(/^/gm, '# ') + '\n';
}

function bounded(promise, patienceMs) {
	let timer;
	const late = new Promise((resolve, reject) => {
		timer = setTimeout(
			() => reject(new Error(`not over after ${patienceMs} ms`)),
			patienceMs
		);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function clean() {
	while (undo.length > 0) await bounded(undo.pop()(), 10000);
}

async function attempt(run, patienceMs) {
	let thrown = null;
	for (const step of [() => bounded(run(), patienceMs), clean])
		try {
			await step();
		} catch (error) {
			thrown ??= error;
		}
	return thrown;
}

export async function test(name, run, { patienceMs = PATIENCE_MS } = {}) {
	if (number === 0) process.stdout.write('TAP version 13\n');
	const thrown = await attempt(async () => run(), patienceMs);
	number += 1;
	if (thrown === null) {
		process.stdout.write(`ok ${number} - ${name}\n`);
	} else if (thrown instanceof Skipped) {
		process.stdout.write(
			`ok ${number} - ${name} # SKIP ${thrown.message}\n`
		);
	} else {
		process.stdout.write(`not ok ${number} - ${name}\n`);
		process.stdout.write(comment(String(thrown.stack ?? thrown)));
	}
}

/** A line for whoever reads the log. */
export function note(text) {
	process.stdout.write(comment(text));
}

/** The plan, and the end: also of what a broken test has left running. Failures are
 *  in the lines: meson takes another status than 0 for an error of the test. */
export function done() {
	process.stdout.write(`1..${number}\n`, () => process.exit(0));
}

/** All tests are skipped. */
export function skipAll(why) {
	process.stdout.write(`1..0 # SKIP ${why}\n`);
	process.exit(0);
}
