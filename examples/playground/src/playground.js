// SPDX-License-Identifier: ISC
// The nodes of the page: starting them, finding them, and telling the lessons what
// has happened.

import { ip4 } from './bytes.js';
import {
	DIED,
	ENDED,
	FAILED,
	NO_FAULTS,
	Node,
	RUNNING,
	UNPLUGGED,
} from './node.js';
import { NodeView } from './node-view.js';
import { addressIn, NETWORK, PROGRAMS } from './programs.js';

const FIRST_HOST = 2;
const LAST_HOST = 99;

export class Playground {
	constructor(lan, lanView, list, onEvent) {
		this.lan = lan;
		this.lanView = lanView;
		this.list = list; // the element of the nodes
		this.onEvent = onEvent;
		this.views = [];
		this.number = 0;
		this.dhcp = false; // whether somebody on the LAN gives addresses
	}

	async start(which) {
		const program =
			typeof which === 'string'
				? PROGRAMS.find(({ name }) => name === which)
				: which;
		const node = new Node(program, ++this.number, this.lan);
		const view = this.add(node);
		if (program.networks.length > 0) this.lanView.show();
		if (program.args.includes('{ip}')) await this.address(view);
		await node.start();
		return view;
	}

	/** Gives it an address that nobody on the LAN has. */
	async address(view) {
		const { program } = view.node;
		const ours = this.views.map(({ node }) => addressIn(node.args));
		let host = FIRST_HOST;
		const wanted = () => `${NETWORK}${host}`;
		while (
			host < LAST_HOST &&
			(ours.includes(wanted()) || (await this.lan.taken(ip4(wanted()))))
		)
			host++;
		view.node.args = view.args.value = program.args
			.replace(this.dhcp ? '--ipv4 {ip}/24' : '', '')
			.trimStart()
			.replace('{ip}', wanted())
			.replace('{homepage}', this.homepage());
		if (program.name !== 'http-get') this.lanView.target.value = wanted();
	}

	/** Where the newest homepage of this page is. */
	homepage() {
		const has = this.views.filter(
			({ node }) => node.program.name === 'homepage'
		);
		const first = this.dhcp ? '10.0.2.15' : '10.0.0.2';
		return addressIn(has.at(-1)?.node.args ?? '') ?? first;
	}

	add(node) {
		const view = new NodeView(node, () => this.remove(view));
		this.views.push(view);
		this.list.prepend(view.element);
		view.open();
		this.watch(node);
		this.list.dispatchEvent(new Event('nodes'));
		view.element.focus({ preventScroll: true });
		view.element.scrollIntoView({ block: 'nearest' });
		return view;
	}

	remove(view) {
		view.remove();
		this.views.splice(this.views.indexOf(view), 1);
		this.list.dispatchEvent(new Event('nodes'));
	}

	watch(node) {
		const { name } = node.program;
		const say = {
			[RUNNING]: 'started',
			[ENDED]: 'ended',
			[FAILED]: 'failed',
			[DIED]: 'died',
			[UNPLUGGED]: 'unplugged',
		};
		node.addEventListener('state', () =>
			this.onEvent(`${say[node.state]}:${name}`)
		);
		node.addEventListener('planned', ({ detail: { wrong, plan } }) => {
			if (!wrong && plan !== NO_FAULTS) this.onEvent(`planned:${name}`);
		});
		for (const event of ['wake', 'saved'])
			node.addEventListener(event, () => this.onEvent(event));
		for (const platter of node.platters.values())
			platter.addEventListener('disk', ({ detail }) =>
				this.onEvent(detail)
			);
	}

	/** The last node with this program; a new one if there is none. */
	async find(name) {
		const has = this.views.filter(({ node }) => node.program.name === name);
		return has.at(-1) ?? this.start(name);
	}

	// ------------------------------------------------------ For the lessons

	async ping() {
		const { node } = await this.find('ping');
		if (!node.running) await node.start();
		this.lanView.ping(addressIn(node.args) ?? '10.0.0.2');
	}

	async fault(name, device) {
		const view = await this.find(name);
		view.show('Faults');
		const { faults, node } = view;
		faults.devices.find((one) => one.name === device).set(true);
		if (!node.running) await node.start();
		view.element.scrollIntoView({ block: 'nearest' });
	}

	async unplug(name) {
		(await this.find(name)).node.unplug();
	}

	async again(name) {
		const { node } = await this.find(name);
		if (node.running) node.unplug();
		await node.start();
	}

	/** Moves the focus to the next node, or with -1 to the one before. */
	step(by) {
		const at = this.views.findIndex(({ element }) =>
			element.contains(document.activeElement)
		);
		const { length } = this.views;
		if (length === 0) return;
		const next = at < 0 ? (by > 0 ? 0 : length - 1) : (at + by + length) % length;
		this.views[next].element.focus();
	}
}
