// SPDX-License-Identifier: ISC
// What this browser or this server lacks, and what that means for the lessons.

import { h } from './dom.js';

function findings() {
	const found = [];
	if (typeof WebAssembly !== 'object')
		found.push([
			'This browser has no WebAssembly, so no node can start. Use a ' +
				'current Firefox, Chromium or Safari.',
		]);
	if (typeof BroadcastChannel !== 'function')
		found.push([
			'This browser has no BroadcastChannel: nodes have no LAN.',
		]);
	if (!globalThis.crossOriginIsolated)
		found.push([
			'This page is not isolated (no SharedArrayBuffer): all works, but ' +
				"the browser's clock steps by 0.1 ms instead of 5 µs, and round " +
				'trips look rough. `make playground` serves it isolated, by the ' +
				'headers COOP and COEP.',
		]);
	if (!navigator.storage?.getDirectory)
		found.push([
			"This browser keeps no private files (OPFS) for this page: choose 'this " +
				"page' for disks. They last until the tab is closed. Pages from " +
				'https: or from localhost have private files.',
		]);
	return found;
}

/** Notices that can be put away. */
export function notices() {
	return h(
		'div',
		{ class: 'notices' },
		findings().map(([text]) => {
			const notice = h(
				'p',
				{ class: 'notice', role: 'status' },
				h('span', { text }),
				h('button', {
					class: 'plain',
					text: '✕',
					'aria-label': 'put this notice away',
					on: { click: () => notice.remove() },
				})
			);
			return notice;
		})
	);
}
