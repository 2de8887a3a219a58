// SPDX-License-Identifier: ISC
// Keys that work wherever nothing is being typed, and the list of them.

import { h } from './dom.js';

const IN_NODES = [
	['S', 'stop: ask the program to end'],
	['K', 'pull the plug'],
	['R', 'run again'],
	['← →', 'from tab to tab; on the map of a disk, from sector to sector'],
	['↑ ↓', 'from frame to frame; Enter opens one'],
];

/** `keys` are [key, what it does, function]. Returns the dialog that lists them. */
export function shortcuts(keys) {
	const row = ([key, text]) =>
		h('tr', {}, h('th', {}, h('kbd', { text: key })), h('td', { text }));
	const close = h('button', {
		text: 'Close',
		on: { click: () => dialog.close() },
	});
	const dialog = h(
		'dialog',
		{ class: 'keys', 'aria-label': 'keys' },
		h('h2', { text: 'Keys' }),
		h('table', {}, h('tbody', {}, keys.map(row))),
		h('h3', { text: 'In a node' }),
		h('table', {}, h('tbody', {}, IN_NODES.map(row))),
		close
	);
	const acts = new Map(keys.map(([key, , act]) => [key.toLowerCase(), act]));
	document.addEventListener('keydown', (event) => {
		const { key, target, ctrlKey, altKey, metaKey } = event;
		const typing = target.matches(
			'input:not([type=radio]):not([type=checkbox]), textarea, select'
		);
		const act = acts.get(key.toLowerCase());
		if (typing || ctrlKey || altKey || metaKey || dialog.open || !act) return;
		event.preventDefault();
		act();
	});
	return dialog;
}
