// SPDX-License-Identifier: ISC
// A node's timers and counters.

import { h, msText, number, setText } from './dom.js';

/** In the words of mirage.h, shorter. */
const MEANINGS = {
	rx_frames: 'frames handed to the program',
	rx_bytes: 'their bytes',
	tx_frames: 'frames taken from the program',
	tx_bytes: 'their bytes',
	rx_dropped_nobody: 'lost: nobody was listening',
	rx_dropped_memory: 'lost: no memory for them',
	rx_dropped_size: 'lost: too short or too long',
	rx_dropped_invalid: 'lost on the way in: broken, or by fault plan',
	tx_dropped_link: 'lost: the link was down',
	tx_dropped_error: 'lost on the way out: refused, or by fault plan',
	tx_refused: 'not taken: broke a limit',
	reads: 'reads that succeeded',
	read_bytes: 'their bytes',
	writes: 'writes that succeeded',
	written_bytes: 'their bytes',
	flushes: 'flushes: what was written before is safe',
	discards: 'ranges given up',
	write_zeroes: 'ranges filled with zeroes',
	refused: 'requests not tried: broke a limit',
	errors: 'requests that failed',
};

const BAD = /dropped|refused|errors/;

export class NumbersView {
	constructor(node) {
		this.node = node;
		this.next = h('p', { class: 'note' });
		this.wakes = h('tbody');
		this.devices = h('div', { class: 'devices' });
		this.cells = new Map(); // by device and counter
		this.table = h(
			'table',
			{ class: 'wakes' },
			h('thead', {}, header('Timer was due', 'It ran', 'Late by')),
			this.wakes
		);
		this.element = h(
			'div',
			{ class: 'numbers' },
			h('h4', { text: 'Timers' }),
			this.next,
			this.table,
			h('h4', { text: 'Counters' }),
			this.devices
		);
		for (const event of ['wake', 'counters', 'state'])
			node.addEventListener(event, () => this.later());
		this.later();
	}

	later() {
		this.drawing ??= requestAnimationFrame(() => this.draw());
	}

	draw() {
		this.drawing = undefined;
		this.drawTimers();
		const { counters } = this.node;
		for (const device of counters) this.drawDevice(device);
		if (counters.length === 0)
			this.devices.replaceChildren(
				h('p', { class: 'note', text: 'No device is open.' })
			);
		if (counters.length === 0) this.cells.clear();
	}

	drawTimers() {
		const { next, nWakes, wakes, running } = this.node;
		const due = Number.isFinite(next)
			? `The next timer is due in ${msText(Math.max(next, 0))}.`
			: 'No timer is armed.';
		const ran = `Timers have woken the program ${number(nWakes)} times.`;
		setText(this.next, `${running ? `${due} ` : ''}${ran}`);
		const timers = wakes.filter((wake) => wake.due > 0);
		this.table.hidden = timers.length === 0;
		this.wakes.replaceChildren(...timers.reverse().map(wakeRow));
	}

	drawDevice({ name, ...counters }) {
		if (!this.cells.has(name)) this.addDevice(name, counters);
		const cells = this.cells.get(name);
		for (const [key, value] of Object.entries(counters)) {
			const row = cells[key];
			const text = number(value);
			if (row.cells[1].textContent === text) continue;
			row.cells[1].textContent = text;
			row.classList.toggle('some', value > 0);
			row.classList.toggle('bad', value > 0 && BAD.test(key));
		}
	}

	addDevice(name, counters) {
		const rows = Object.fromEntries(
			Object.keys(counters).map((key) => [
				key,
				h(
					'tr',
					{},
					h('th', { scope: 'row', text: key }),
					h('td', { text: '–' }),
					h('td', { text: MEANINGS[key] ?? '' })
				),
			])
		);
		if (this.cells.size === 0) this.devices.replaceChildren();
		this.cells.set(name, rows);
		this.devices.append(
			h(
				'table',
				{ class: 'counters' },
				h('caption', { text: `'${name}'` }),
				h('tbody', {}, Object.values(rows))
			)
		);
	}
}

function header(...names) {
	return h(
		'tr',
		{},
		names.map((text) => h('th', { scope: 'col', text }))
	);
}

function wakeRow({ due, now }) {
	const late = now - due;
	const width = Math.min(late * 20, 100);
	return h(
		'tr',
		{},
		h('td', { text: `${due.toFixed(1)} ms` }),
		h('td', { text: `${now.toFixed(1)} ms` }),
		h(
			'td',
			{},
			h('i', { class: 'bar', style: `width:${width}%` }),
			h('span', { text: `${late.toFixed(2)} ms` })
		)
	);
}
