// SPDX-License-Identifier: ISC
// A node's disk: a map of its sectors, coloured by what has happened to each, and the
// bytes of one of them.

import { bytesText, h, hexDump, number, setText } from './dom.js';
import {
	CACHED,
	EMPTY,
	LOST,
	OLD,
	READ,
	SECTOR_BYTES,
	STORED,
} from './platter.js';
import { colour, onLook } from './theme.js';

const PERIOD_MS = 100;
const COLUMNS = 128;
/** Pixels, with the gap. */
const WIDTH = 6;
const HEIGHT = 10;

const STATES = [
	[EMPTY, 'empty', 'zeroes'],
	[OLD, 'old', 'content from before'],
	[READ, 'read', 'read by the program'],
	[CACHED, 'cached', "written: in the disk's cache"],
	[STORED, 'stored', 'written and safe'],
	[LOST, 'lost', 'lost with the power'],
];

export class DiskView {
	constructor(node) {
		this.node = node;
		this.names = [...node.platters.keys()];
		this.name = this.names.at(-1);
		this.sector = 0;
		this.follows = true;
		this.map = h('canvas', {
			class: 'map',
			tabindex: '0',
			role: 'img',
			on: {
				click: (event) => this.onClick(event),
				keydown: (event) => this.onKey(event),
			},
		});
		this.caption = h('p', { class: 'caption', 'aria-live': 'polite' });
		this.dump = h('div', {
			class: 'sector',
			tabindex: '0',
			'aria-label': 'bytes of the sector',
		});
		this.summary = h('p', { class: 'note' });
		this.legend = h('ul', { class: 'legend' }, STATES.map(legendItem));
		this.element = h(
			'div',
			{ class: 'disk' },
			this.tools(),
			this.map,
			this.legend,
			this.summary,
			this.caption,
			this.dump
		);
		for (const platter of node.platters.values())
			platter.addEventListener('change', () => this.later());
		onLook(() => this.later());
	}

	get platter() {
		return this.node.platters.get(this.name);
	}

	/** Not with every write: the page has more to do. */
	later() {
		this.drawing ??= setTimeout(() => this.draw(), PERIOD_MS);
	}

	// ---------------------------------------------------------- Controls

	tools() {
		const choose = (label, property, choices) => {
			const select = h(
				'select',
				{
					on: {
						change: () => {
							this.node[property] = choices[select.selectedIndex][1];
							this.node.emit('state');
						},
					},
				},
				choices.map(([text, value]) =>
					h('option', { text, selected: this.node[property] === value })
				)
			);
			return h('label', {}, `${label} `, select);
		};
		this.follow = h('input', {
			type: 'checkbox',
			checked: true,
			on: {
				change: () => {
					this.follows = this.follow.checked;
					this.later();
				},
			},
		});
		return h(
			'div',
			{ class: 'tools' },
			h(
				'span',
				{ class: 'segments', role: 'group', 'aria-label': 'which disk' },
				this.names.map((name) => this.nameButton(name))
			),
			choose('Speed', 'bytesPerSecond', [
				['slow motion', 128 * 1024],
				['1 MiB/s', 1024 * 1024],
				['full', 0],
			]),
			choose("Keep 'to' in", 'medium', [
				['this page', 'page'],
				['the browser (OPFS)', 'opfs'],
			]),
			h('label', {}, this.follow, ' follow writes')
		);
	}

	nameButton(name) {
		const button = h('button', {
			text: name,
			'aria-pressed': String(name === this.name),
			on: {
				click: () => {
					this.name = name;
					for (const other of button.parentNode.children)
						other.setAttribute('aria-pressed', String(other === button));
					this.later();
				},
			},
		});
		return button;
	}

	onClick(event) {
		const { left, top, width } = this.map.getBoundingClientRect();
		const scale = width / (COLUMNS * WIDTH);
		const column = Math.floor((event.clientX - left) / scale / WIDTH);
		const row = Math.floor((event.clientY - top) / scale / HEIGHT);
		this.select(row * COLUMNS + column);
	}

	onKey(event) {
		const steps = {
			ArrowRight: 1,
			ArrowLeft: -1,
			ArrowDown: COLUMNS,
			ArrowUp: -COLUMNS,
			Home: -this.sector,
			End: this.platter.sectors - 1 - this.sector,
		};
		if (steps[event.key] === undefined) return;
		event.preventDefault();
		this.select(this.sector + steps[event.key]);
	}

	select(sector) {
		if (sector < 0 || sector >= this.platter.sectors) return;
		this.sector = sector;
		this.follows = this.follow.checked = false;
		this.later();
	}

	// ----------------------------------------------------------- Drawing

	draw() {
		this.drawing = undefined;
		if (!this.element.offsetParent) return; // its tab is not shown
		const { last } = this.platter;
		if (this.follows && last !== null) this.sector = last;
		this.sector = Math.min(this.sector, this.platter.sectors - 1);
		this.drawMap();
		this.drawSector();
		this.drawSummary();
	}

	drawMap() {
		const { states } = this.platter;
		const ratio = Math.max(devicePixelRatio, 1);
		const rows = Math.ceil(states.length / COLUMNS);
		this.map.width = COLUMNS * WIDTH * ratio;
		this.map.height = rows * HEIGHT * ratio;
		const paint = this.map.getContext('2d');
		paint.scale(ratio, ratio);
		const colours = STATES.map(([, name]) => colour(`sector-${name}`));
		states.forEach((state, i) => {
			const x = (i % COLUMNS) * WIDTH;
			const y = Math.floor(i / COLUMNS) * HEIGHT;
			paint.fillStyle = colours[state];
			paint.fillRect(x, y, WIDTH - 1, HEIGHT - 1);
			if (state === LOST) cross(paint, x, y);
		});
		this.drawCursor(paint);
	}

	drawCursor(paint) {
		const x = (this.sector % COLUMNS) * WIDTH;
		const y = Math.floor(this.sector / COLUMNS) * HEIGHT;
		paint.strokeStyle = colour('text');
		paint.lineWidth = 2;
		paint.strokeRect(x, y, WIDTH - 1, HEIGHT - 1);
	}

	/** Bytes that only the cache has are marked. */
	drawSector() {
		const { platter, sector } = this;
		const state = platter.states[sector];
		const [, , words] = STATES[state];
		const writes = platter.writes[sector];
		setText(
			this.caption,
			`Sector ${number(sector)} of '${this.name}', at byte ` +
				`${number(sector * SECTOR_BYTES)}: ${words}` +
				(writes > 1 ? `, written ${writes} times` : '')
		);
		const shown = [this.name, sector, state, writes, platter.loads].join();
		if (this.shown === shown) return;
		this.shown = shown;
		const classes = { [CACHED]: 'cached', [STORED]: 'stored', [LOST]: 'lost' };
		const dump = hexDump(platter.bytes(sector), {
			base: sector * SECTOR_BYTES,
			digits: 6,
			mark: () => classes[state],
		});
		this.dump.replaceChildren(dump);
	}

	drawSummary() {
		const { platter } = this;
		const counts = platter.counts();
		const [cached, stored, lost] = [CACHED, STORED, LOST].map((state) =>
			number(counts[state])
		);
		for (const [state, name] of STATES)
			this.legend
				.querySelector(`.${name}`)
				.toggleAttribute('data-some', counts[state] > 0);
		const [from, to] = ['from', 'to'].map((n) => this.node.platters.get(n));
		const same = from && to ? number(to.same(from)) : null;
		setText(
			this.summary,
			`${bytesText(platter.content.length)} in ` +
				`${number(platter.sectors)} sectors: ${cached} in the cache, ` +
				`${stored} safe, ${lost} lost.` +
				(same ? ` 'to' equals 'from' in ${same} sectors.` : '')
		);
		this.map.setAttribute(
			'aria-label',
			`map of disk ${this.name}; arrows choose a sector`
		);
	}
}

function legendItem([, name, text]) {
	return h('li', { class: name }, h('i'), text);
}

/** Not by colour alone. */
function cross(paint, x, y) {
	paint.strokeStyle = colour('panel');
	paint.lineWidth = 1.5;
	paint.beginPath();
	paint.moveTo(x + 0.5, y + 2);
	paint.lineTo(x + WIDTH - 1.5, y + HEIGHT - 3);
	paint.moveTo(x + WIDTH - 1.5, y + 2);
	paint.lineTo(x + 0.5, y + HEIGHT - 3);
	paint.stroke();
}
