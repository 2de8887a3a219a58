// SPDX-License-Identifier: ISC
// Fills in what the server says of itself, for as long as somebody looks.
'use strict';

const list = document.getElementById('status');
const words = document.getElementById('status-words');
const PERIOD_MS = 5000;

function duration(seconds) {
	const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
	const first = units.findIndex(([, length]) => seconds >= length);
	if (first < 0) return '0 s';
	return units
		.slice(first, first + 2)
		.map(([unit, length], i) => {
			const whole = Math.floor(seconds / length);
			const above = units[first + i - 1];
			const n = i > 0 ? whole % (above[1] / length) : whole;
			return `${n} ${unit}`;
		})
		.join(' ');
}

function show(status) {
	for (const field of list.querySelectorAll('[data-key]')) {
		const { key } = field.dataset;
		field.textContent = key === 'uptime_s' ? duration(status[key]) : status[key];
	}
	list.hidden = false;
	words.hidden = true;
}

async function refresh() {
	if (document.hidden) return;
	try {
		const answer = await fetch('status');
		if (answer.ok) show(await answer.json());
	} catch {
		list.hidden = true;
		words.hidden = false;
		words.textContent = 'The server does not answer any more.';
	}
}

refresh();
setInterval(refresh, PERIOD_MS);
