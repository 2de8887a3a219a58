// SPDX-License-Identifier: ISC
// The LAN on the page: who is there, and the pinger with the fate of its pings.

import { ip4Text } from './bytes.js';
import { h, number, setText } from './dom.js';
import { KEPT } from './pinger.js';

const LINES_MAX = 100;
const BAR_FULL_MS = 20; // a bar of full height; beyond it grows no more
const STATIONS_MS = 1000;

export class LanView {
	constructor(lan, pinger) {
		this.lan = lan;
		this.pinger = pinger;
		this.target = h('input', {
			class: 'target',
			value: '10.0.0.2',
			spellcheck: 'false',
			size: 11,
		});
		this.interval = h(
			'select',
			{},
			h('option', { text: '5 a second', value: '200' }),
			h('option', { text: '1 a second', value: '1000', selected: true }),
			h('option', { text: '20 a second', value: '50' })
		);
		this.button = h('button', {
			class: 'primary',
			text: 'Ping',
			on: { click: () => this.toggle() },
		});
		this.sums = h('p', { class: 'sums' });
		this.bars = h('div', { class: 'bars', role: 'img' });
		this.lines = h('ol', { class: 'ping-lines', 'aria-label': 'pings' });
		this.wrong = h('p', { class: 'bad', role: 'alert' });
		this.stations = h('tbody');
		this.element = this.layout();
		pinger.addEventListener('change', () => this.later());
		pinger.addEventListener('result', ({ detail }) => this.line(detail));
		setInterval(() => this.drawStations(), STATIONS_MS);
		this.draw();
		this.drawStations();
	}

	layout() {
		return h(
			'div',
			{ class: 'lan-body' },
			h(
				'div',
				{},
				h(
					'div',
					{ class: 'tools' },
					this.button,
					h('label', {}, 'address ', this.target),
					h('label', {}, 'how often ', this.interval)
				),
				this.wrong,
				this.bars,
				this.sums
			),
			this.lines,
			h(
				'div',
				{ class: 'stations' },
				h('p', {
					class: 'note',
					text:
						'Nodes of this page and of its other tabs are on one LAN, ' +
						`'${this.lan.name}'. Heard so far:`,
				}),
				h(
					'table',
					{},
					h(
						'thead',
						{},
						h(
							'tr',
							{},
							['Address', 'MAC', 'Frames'].map((text) =>
								h('th', { scope: 'col', text })
							)
						)
					),
					this.stations
				)
			)
		);
	}

	toggle() {
		this.show();
		setText(this.wrong, '');
		if (this.pinger.running) {
			this.pinger.stop();
			return;
		}
		this.lines.replaceChildren();
		try {
			this.pinger.start(this.target.value, Number(this.interval.value));
		} catch (error) {
			setText(this.wrong, error.message);
		}
	}

	/** Opens the part of the page that it is in. */
	show() {
		this.element.closest('details').open = true;
	}

	/** Points the pinger at a node, and starts it. */
	ping(address) {
		this.target.value = address;
		if (this.pinger.running) this.toggle();
		this.toggle();
	}

	later() {
		this.drawing ??= requestAnimationFrame(() => this.draw());
	}

	draw() {
		this.drawing = undefined;
		const { pinger } = this;
		setText(this.button, pinger.running ? 'Stop pinging' : 'Ping');
		this.button.setAttribute('aria-pressed', String(pinger.running));
		const blanks = Array(KEPT - pinger.results.length).fill(null);
		this.bars.replaceChildren(...blanks.concat(pinger.results).map(bar));
		setText(this.sums, this.sumText());
		this.bars.setAttribute('aria-label', this.sums.textContent);
	}

	sumText() {
		const { sent, received, lost, total, least, most } = this.pinger;
		if (sent === 0) return 'Nothing sent yet.';
		const done = received + lost;
		const percent = done > 0 ? Math.round((100 * lost) / done) : 0;
		const times =
			received > 0
				? ` Round trip ${least.toFixed(2)} / ` +
					`${(total / received).toFixed(2)} / ` +
					`${most.toFixed(2)} ms (least, mean, most).`
				: '';
		return (
			`${number(sent)} sent, ${number(received)} answered, ` +
			`${number(lost)} lost (${percent} %).${times}`
		);
	}

	line(result) {
		const text = this.pinger.line(result);
		const kind = result.state === 'lost' ? 'bad' : null;
		this.lines.append(h('li', { class: kind, text }));
		if (this.lines.children.length > LINES_MAX) this.lines.firstChild.remove();
		this.lines.scrollTop = this.lines.scrollHeight;
	}

	drawStations() {
		const own = {
			ip: ip4Text(this.pinger.ip),
			mac: 'this page',
			frames: this.lan.frames,
		};
		this.stations.replaceChildren(
			...[own, ...this.lan.stations.values()].map(({ ip, mac, frames }) =>
				h(
					'tr',
					{},
					h('td', { text: ip || '–' }),
					h('td', { text: mac }),
					h('td', { text: number(frames) })
				)
			)
		);
	}
}

function bar(result) {
	if (!result) return h('i', { class: 'none' });
	const { state, ms, sequence } = result;
	const part = Math.min(Math.sqrt((ms ?? BAR_FULL_MS) / BAR_FULL_MS), 1);
	const height = state === 'waiting' ? 8 : Math.max(part * 100, 12);
	const title =
		state === 'good' ? `#${sequence}: ${ms.toFixed(2)} ms` : `#${sequence}: ${state}`;
	return h('i', { class: state, style: `height:${height}%`, title });
}
