// SPDX-License-Identifier: ISC
// TAP of results of the conformance suite.

export function report(name) {
	const n = { passed: 0, failed: 0, skipped: 0 };
	let number = 0;
	const print = (text) => process.stdout.write(text + '\n');
	print('TAP version 13');
	return {
		result({ id, good, skip, details }) {
			number += 1;
			n[skip ? 'skipped' : good ? 'passed' : 'failed'] += 1;
			const more = skip ? ` # SKIP ${skip}` : '';
			print(`${good ? 'ok' : 'not ok'} ${number} - ${id}${more}`);
			if (!good)
				for (const line of details)
					print('# ' + line.replaceAll('\n', '\n# '));
		},
		end() {
			print(
				`# ${name}: ${n.passed} passed, ${n.failed} failed, ` +
					`${n.skipped} skipped`
			);
			process.stdout.write(`1..${number}\n`, () => process.exit(0));
		},
	};
}
