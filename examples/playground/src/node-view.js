// SPDX-License-Identifier: ISC
// A node on the page: its state and buttons, its terminal, and a tab for each view.

import { DiskView } from './disk-view.js';
import { h, msText, setText } from './dom.js';
import { FaultsView } from './faults-view.js';
import { NetworkView } from './network-view.js';
import { DIED, ENDED, FAILED, RUNNING, UNPLUGGED } from './node.js';
import { NumbersView } from './numbers-view.js';
import { TerminalView } from './terminal.js';

const STATES = {
	[RUNNING]: () => 'running',
	[ENDED]: ({ took }) => `ended well after ${msText(took)}`,
	[FAILED]: ({ status }) =>
		status === null ? 'not started' : `ended with status ${status}`,
	[DIED]: () => 'died',
	[UNPLUGGED]: () => 'unplugged',
};

/** What to do about an end, for students. */
function advice({ state, problem, trap }) {
	if (problem) return problem;
	if (state !== DIED) return '';
	return (
		`The program died of a trap: ${trap}. A trap is WebAssembly's way to ` +
		'stop a program that does what it must not, such as reading beyond ' +
		'its memory. Other nodes go on. You can run it again.'
	);
}

export class NodeView {
	/** `onClose` is called when the student puts the node away. */
	constructor(node, onClose) {
		this.node = node;
		this.onClose = onClose;
		this.terminal = new TerminalView(`terminal of ${node.label}`, (bytes) =>
			node.input(bytes)
		);
		this.makeHead();
		this.makeTabs();
		this.advice = h('p', { class: 'advice', role: 'alert' });
		this.element = h(
			'article',
			{
				class: `node ${this.kind()}`,
				tabindex: '-1',
				'aria-label': `node ${node.label}`,
				'data-program': node.program.name,
				on: { keydown: (event) => this.onKey(event) },
			},
			this.head,
			this.advice,
			h(
				'div',
				{ class: 'node-body' },
				h(
					'section',
					{ class: 'screen', 'aria-label': 'terminal' },
					this.command,
					this.terminal.element
				),
				h('section', { class: 'views' }, this.tabs, this.panels)
			)
		);
		this.listen();
	}

	listen() {
		const { node, terminal } = this;
		const on = (type, act) =>
			node.addEventListener(type, ({ detail }) => act(detail));
		on('write', ({ bytes, taken }) => terminal.write(bytes, taken));
		on('log', ({ level, text }) => terminal.log(level, text));
		on('say', (text) => terminal.say(text));
		on('state', () => this.draw());
		on('planned', () => this.draw());
	}

	/** Once it is in the page. */
	open() {
		this.terminal.open();
		this.draw();
	}

	/** How much room it wants. */
	kind() {
		const { networks, disks } = this.node.program;
		if (disks.length > 0) return 'with-disk';
		return networks.length > 0 ? 'with-network' : 'small';
	}

	// -------------------------------------------------------------- Head

	makeHead() {
		const { node } = this;
		const button = (text, title, click) =>
			h('button', { text, title, on: { click } });
		this.state = h('span', { class: 'state', role: 'status' });
		this.stop = button('Stop', 'Ask the program to end (S)', () =>
			node.shutdown()
		);
		this.unplug = button('Pull the plug', 'Take its power away (K)', () =>
			node.unplug()
		);
		this.again = button('Run again', 'Start the program anew (R)', () =>
			node.start()
		);
		this.close = h('button', {
			class: 'plain',
			text: '✕',
			'aria-label': `put ${node.label} away`,
			on: { click: () => this.onClose() },
		});
		this.faulty = h('span', { class: 'faulty', text: '⚡ faults on' });
		this.args = h('input', {
			class: 'args',
			value: node.args,
			spellcheck: 'false',
			size: 12,
			placeholder: 'none',
			on: {
				input: () => {
					node.args = this.args.value;
					this.draw();
				},
			},
		});
		this.command = h('code', { class: 'command' });
		this.head = h(
			'header',
			{},
			h('h3', { text: node.label }),
			this.state,
			this.faulty,
			h('span', { class: 'space' }),
			h('label', {}, 'Arguments ', this.args),
			this.stop,
			this.unplug,
			this.again,
			this.close
		);
	}

	draw() {
		const { node } = this;
		this.element.dataset.state = node.state;
		this.args.size = Math.min(Math.max(node.args.length, 12), 40);
		setText(this.state, STATES[node.state]?.(node) ?? '');
		this.drawCommand();
		setText(this.advice, advice(node));
		this.faulty.hidden = !this.faults?.on;
		this.stop.disabled = this.unplug.disabled = !node.running;
		this.again.disabled = node.running;
	}

	drawCommand() {
		const pieces = ['$', ...this.node.commandLine()];
		if (this.command.dataset.line === pieces.join(' ')) return;
		this.command.dataset.line = pieces.join(' ');
		this.command.replaceChildren(
			...pieces.map((text) => h('span', { text: `${text} ` }))
		);
	}

	/** Letters work where nothing is being typed. */
	onKey(event) {
		const { target, key, ctrlKey, altKey, metaKey } = event;
		const typing = target.matches('input:not([type=radio]), textarea, select');
		if (typing || ctrlKey || altKey || metaKey) return;
		const button = { s: this.stop, k: this.unplug, r: this.again }[
			key.toLowerCase()
		];
		if (!button) return;
		event.preventDefault();
		event.stopPropagation();
		button.click();
	}

	// -------------------------------------------------------------- Tabs

	makeTabs() {
		const { node } = this;
		const { networks, disks } = node.program;
		this.views = [];
		if (networks.length > 0)
			this.views.push(['Network', new NetworkView(node)]);
		if (disks.length > 0) this.views.push(['Disk', new DiskView(node)]);
		this.views.push(['Timers and counters', new NumbersView(node)]);
		if (networks.length + disks.length > 0) {
			this.faults = new FaultsView(node);
			this.views.push(['Faults', this.faults]);
		}
		this.tabs = h('div', {
			class: 'tabs',
			role: 'tablist',
			'aria-label': `views of ${node.label}`,
			on: { keydown: (event) => this.onTabKey(event) },
		});
		this.panels = h('div', { class: 'panels' });
		this.views.forEach(([name, view], i) => this.addTab(name, view, i));
		this.show(0);
	}

	addTab(name, view, i) {
		const id = `tab-${this.node.number}-${i}`;
		this.tabs.append(
			h('button', {
				role: 'tab',
				id,
				'aria-controls': `${id}-panel`,
				text: name,
				on: { click: () => this.show(i) },
			})
		);
		this.panels.append(
			h(
				'div',
				{
					role: 'tabpanel',
					id: `${id}-panel`,
					'aria-labelledby': id,
				},
				view.element
			)
		);
	}

	/** Shows a view, by its place or its name. */
	show(which) {
		const at =
			typeof which === 'number'
				? which
				: this.views.findIndex(([name]) => name === which);
		[...this.tabs.children].forEach((tab, i) => {
			tab.setAttribute('aria-selected', String(i === at));
			tab.tabIndex = i === at ? 0 : -1;
			this.panels.children[i].hidden = i !== at;
		});
		this.views[at]?.[1].later?.();
	}

	onTabKey(event) {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
		if (!step) return;
		const tabs = [...this.tabs.children];
		const next = tabs[tabs.indexOf(event.target) + step];
		next?.focus();
		next?.click();
	}

	remove() {
		this.node.close();
		this.terminal.close();
		this.element.remove();
	}
}
