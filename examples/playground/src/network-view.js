// SPDX-License-Identifier: ISC
// A node's frames, one line each, as they come: what each says, and its bytes.

import { decode } from './decode.js';
import { download, h, hexDump, number, setText } from './dom.js';
import { pcapFile } from './pcap.js';

const LINES_MAX = 400;
const COLUMNS = ['No.', 'Time', '', 'From', 'To', 'Protocol', 'What it says'];

/** A MAC address in less room. */
function short(address) {
	return address.length === 17
		? `${address.slice(0, 5)}…${address.slice(-5)}`
		: address;
}

function timeText(frame, first) {
	return ((frame.time - first.time) / 1000).toFixed(3);
}

export class NetworkView {
	constructor(node) {
		this.node = node;
		this.paused = false;
		this.waiting = []; // frames not drawn yet
		this.count = 0;
		this.status = h('span', { class: 'note' });
		this.list = h('ol', {
			class: 'frames',
			'aria-label': `frames of ${node.label}`,
			on: {
				keydown: (event) => this.onKey(event),
				scroll: () => this.onScroll(),
			},
		});
		this.follows = true; // the end of the list
		this.pause = h('button', {
			text: 'Pause',
			'aria-pressed': 'false',
			on: { click: () => this.togglePause() },
		});
		this.save = h('button', {
			text: 'Download pcap',
			title: 'for tcpdump and Wireshark',
			on: { click: () => this.download() },
		});
		const clear = h('button', {
			text: 'Clear',
			on: { click: () => node.clearFrames() },
		});
		const names = COLUMNS.map((text) => h('span', { text }));
		this.element = h(
			'div',
			{ class: 'network' },
			h('div', { class: 'tools' }, this.pause, clear, this.save, this.status),
			h('div', { class: 'frame-line head', 'aria-hidden': 'true' }, names),
			this.list
		);
		node.addEventListener('frame', ({ detail }) => this.add(detail));
		node.addEventListener('frames', () => this.clear());
		this.clear();
	}

	togglePause() {
		this.paused = !this.paused;
		this.pause.setAttribute('aria-pressed', String(this.paused));
		this.pause.textContent = this.paused ? 'Go on' : 'Pause';
		this.draw();
	}

	download() {
		const file = pcapFile(this.node.frames);
		const name = `${this.node.label.replace(' ', '-')}.pcap`;
		download(name, file, 'application/vnd.tcpdump.pcap');
		this.node.emit('saved');
	}

	clear() {
		this.waiting = [];
		this.count = 0;
		this.lost = 0;
		this.list.replaceChildren(
			h('li', { class: 'nothing', text: 'No frames yet.' })
		);
		this.tell();
	}

	tell() {
		const { length } = this.node.frames;
		const lost = this.lost > 0 ? `, ${number(this.lost)} lost` : '';
		setText(this.status, `${number(length)} frames${lost}`);
		this.save.disabled = length === 0;
	}

	add(frame) {
		frame.number = ++this.count;
		this.lost += frame.lost ? 1 : 0;
		this.waiting.push(frame);
		this.drawing ??= requestAnimationFrame(() => this.draw());
	}

	draw() {
		this.drawing = undefined;
		this.tell();
		if (this.paused || this.waiting.length === 0) return;
		this.list.querySelector('.nothing')?.remove();
		const lines = this.waiting.slice(-LINES_MAX).map((f) => this.line(f));
		this.waiting = [];
		this.list.append(...lines);
		while (this.list.children.length > LINES_MAX) this.list.firstChild.remove();
		this.later();
	}

	onScroll() {
		const { scrollTop, scrollHeight, clientHeight } = this.list;
		if (clientHeight > 0)
			this.follows = scrollHeight - scrollTop - clientHeight < 40;
	}

	/** Its tab is shown, or there is more. */
	later() {
		if (this.follows) this.list.scrollTop = this.list.scrollHeight;
	}

	line(frame) {
		const said = decode(frame.bytes);
		const sent = frame.way === 'tx';
		const cells = [
			h('span', { text: frame.number }),
			h('span', { text: timeText(frame, this.node.frames[0]) }),
			h('span', {
				class: `way ${frame.way}`,
				text: sent ? '→' : '←',
				title: sent ? 'sent' : 'arrived',
				'aria-label': sent ? 'sent' : 'arrived',
			}),
			h('span', { text: short(said.source), title: said.source }),
			h('span', { text: short(said.destination), title: said.destination }),
			h('span', {
				class: `protocol ${said.protocol.toLowerCase()}`,
				text: said.protocol,
			}),
			h(
				'span',
				{ class: said.broken ? 'bad' : '' },
				frame.lost ? h('em', { class: 'lost', text: 'lost' }) : null,
				said.info
			),
		];
		const line = h(
			'button',
			{
				class: frame.lost ? 'frame-line lost' : 'frame-line',
				'aria-expanded': 'false',
				on: { click: () => this.toggle(item, line, frame, said) },
			},
			cells
		);
		const item = h('li', {}, line);
		return item;
	}

	toggle(item, line, frame, said) {
		const open = line.getAttribute('aria-expanded') === 'true';
		line.setAttribute('aria-expanded', String(!open));
		if (open) item.lastChild.remove();
		else item.append(this.details(frame, said));
	}

	details(frame, said) {
		const dump = h('div');
		const show = (field) =>
			dump.replaceChildren(
				hexDump(frame.bytes, {
					mark: (i) => field && i >= field.from && i < field.to && 'marked',
				})
			);
		show(null);
		const layers = said.layers.map((layer) => this.layer(layer, show));
		const note = frame.lost
			? h('p', {
					class: 'bad',
					text: "It arrived here, and the node's faults threw it away.",
				})
			: null;
		return h(
			'div',
			{ class: 'details' },
			note,
			h('div', { class: 'layers' }, layers),
			dump
		);
	}

	/** Fields mark their bytes when pointed at or focused. */
	layer({ title, fields }, show) {
		const rows = fields.map((field) =>
			h(
				'div',
				{
					class: 'field',
					tabindex: '0',
					on: {
						mouseenter: () => show(field),
						focus: () => show(field),
					},
				},
				h('dt', { text: field.name }),
				h('dd', { text: field.value })
			)
		);
		return h('section', {}, h('h5', { text: title }), h('dl', {}, rows));
	}

	/** Arrows go from line to line. */
	onKey(event) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (!step || !event.target.matches('.frame-line')) return;
		const lines = [...this.list.querySelectorAll('.frame-line')];
		lines[lines.indexOf(event.target) + step]?.focus();
		event.preventDefault();
	}
}
