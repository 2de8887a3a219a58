// SPDX-License-Identifier: ISC
// The conformance suite, each case in an instance of its own of one module. Judges
// by what the program said and by how it ended, as conformance/runner_check.c does.
// Runs in Node and in a Worker.

import { World } from './world.mjs';

const PATIENCE_MS = 60000;
const DIED = 134;
const NO_VERDICT = 0;

function gather() {
	const decoder = new TextDecoder();
	const gathered = { text: '' };
	gathered.add = (bytes) => {
		gathered.text += decoder.decode(bytes, { stream: true });
	};
	return gathered;
}

/** The cases that match one of `globs`, all without: [{ id, aborts }]. */
export async function listCases(createMirage, wasm, globs) {
	const out = gather();
	const console = { write: out.add, log() {} };
	const instance = await createMirage({
		wasm,
		args: ['--list'],
		console,
		imports: (made) => new World({}, {}).imports(made),
	});
	await instance.exited;
	const chosen = globs.map(
		(glob) =>
			new RegExp(
				'^' + glob.replace(/[.]/g, '\\.').replace(/\*/g, '.*') + '$'
			)
	);
	return out.text
		.trim()
		.split('\n')
		.map((line) => line.split(' '))
		.map(([id, aborts]) => ({ id, aborts: aborts === '-' ? null : aborts }))
		.filter(({ id }) => !chosen.length || chosen.some((c) => c.test(id)));
}

function within(promise, patienceMs) {
	let timer;
	const late = new Promise((resolve) => {
		timer = setTimeout(() => resolve(null), patienceMs);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function decode(bytes) {
	return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** What the program itself says about the case: { good, skip, details }. */
function over(instance, status) {
	const out = gather();
	instance.console.print = (fd, bytes) => out.add(bytes);
	instance.exports.conf_case_over(status);
	const line = /^(not )?ok 1 - \S+(?: # SKIP (.*))?$/m.exec(out.text);
	return {
		good: Boolean(line) && !line[1],
		skip: line?.[2] ?? null,
		details: out.text.trim().split('\n'),
	};
}

function judge(instance, status, { aborts }, log) {
	if (status === null)
		return { good: false, details: [`not over after ${PATIENCE_MS} ms`] };
	if (!instance.trap) {
		try {
			return over(instance, status);
		} catch (error) {
			return { good: false, details: [`after the end: ${error.stack}`] };
		}
	}
	const named = log.includes(`broken contract [${aborts}]`);
	const open = instance.exports.conf_case_verdict() === NO_VERDICT;
	return {
		good: aborts !== null && status === DIED && named && open,
		details: [
			aborts !== null && open
				? 'aborted without naming the sentence'
				: `died: ${instance.trap.stack}`,
		],
	};
}

/** Runs a case with the devices and the console of a fixture (fixtures.mjs). */
export async function runCase(createMirage, wasm, test, makeFixture) {
	const fixture = await makeFixture();
	const { console } = fixture;
	const world = new World(fixture, console);
	try {
		const instance = await createMirage({
			wasm,
			name: 'conformance',
			args: ['--case', test.id, ...(fixture.args ?? [])],
			networks: fixture.networks,
			blocks: fixture.blocks,
			console: console.given,
			imports: (made) => world.imports(made),
			signals: false,
		});
		const status = await within(instance.exited, PATIENCE_MS);
		const log = decode(console.readLog());
		const result = judge(instance, status, test, log);
		if (status === null) instance.finish(DIED);
		if (!result.good && log) result.details.push(...log.trim().split('\n'));
		return { id: test.id, ...result };
	} catch (error) {
		return { id: test.id, good: false, details: [String(error.stack)] };
	} finally {
		world.over = true;
		console.dispose();
		await fixture.dispose?.();
	}
}
