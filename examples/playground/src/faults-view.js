// SPDX-License-Identifier: ISC
// The switch that makes a node's world fail: loss and delay of frames, slow and
// failing disks. What it does is a plan of --fault, shown as one would type it.

import { h, setText } from './dom.js';
import { NO_FAULTS } from './node.js';

/** Choices of one control: what a student reads, and its part of the plan. */
const NETWORK = [
	{
		label: 'Lose frames that arrive',
		choices: [
			['none', ''],
			['10 %', 'rx-drop-every=10'],
			['25 %', 'rx-drop-every=4'],
			['50 %', 'rx-drop-every=2'],
			['all', 'rx-drop-every=1'],
		],
		first: 3,
	},
	{
		label: 'Lose frames that leave',
		choices: [
			['none', ''],
			['10 %', 'tx-drop-every=10'],
			['25 %', 'tx-drop-every=4'],
			['50 %', 'tx-drop-every=2'],
			['all', 'tx-drop-every=1'],
		],
	},
	{
		label: 'Delay what arrives',
		choices: [
			['none', ''],
			['20 ms', 'rx-delay=20ms'],
			['200 ms', 'rx-delay=200ms'],
			['1 s', 'rx-delay=1s'],
			['every 3rd', 'rx-delay-every=3:400ms'],
		],
	},
	{
		label: 'Other mischief',
		choices: [
			['none', ''],
			['send twice', 'tx-duplicate-every=3'],
			['swap', 'rx-reorder-every=3'],
		],
	},
];

const DISK = [
	{
		label: 'Requests fail',
		choices: [
			['none', ''],
			['the next', 'fail=1'],
			['every 3rd', 'fail-every=3'],
			['disk full', 'fail-every=1:ENOSPC'],
			['all', 'fail-every=1'],
		],
		first: 2,
	},
	{
		label: 'Requests are late',
		choices: [
			['none', ''],
			['50 ms', 'delay=50ms'],
			['500 ms', 'delay=500ms'],
		],
	},
	{
		label: 'Requests never end',
		choices: [
			['none', ''],
			['the next', 'stall=1'],
		],
	},
];

let ids = 0;

/** The faults of one device. */
class Device {
	constructor(node, name, isNet) {
		this.node = node;
		this.name = name;
		this.on = false;
		const groups = isNet ? NETWORK : DISK;
		this.chosen = groups.map(({ first = 0 }) => first);
		this.groups = groups;
		this.plan = h('input', {
			class: 'plan',
			spellcheck: 'false',
			'aria-label': `fault plan of ${name}`,
			value: this.planText(),
			on: {
				change: () => this.apply(),
			},
		});
		this.wrong = h('p', { class: 'bad', role: 'alert' });
		this.toggle = h('button', {
			class: 'switch',
			role: 'switch',
			'aria-checked': 'false',
			'data-device': name,
			text: `Faults of '${name}'`,
			on: { click: () => this.set(!this.on) },
		});
		this.element = h(
			'fieldset',
			{ class: 'device' },
			h('div', { class: 'device-head' }, this.toggle),
			groups.map((group, i) => this.group(group, i)),
			h(
				'label',
				{ class: 'plan-line' },
				`--fault ${name}=`,
				this.plan
			),
			this.wrong
		);
		node.addEventListener('planned', ({ detail }) => {
			if (detail.name === name) setText(this.wrong, detail.wrong ?? '');
		});
	}

	group({ label, choices }, i) {
		const name = `fault-${ids++}`;
		const buttons = choices.map(([text], choice) =>
			h(
				'label',
				{},
				h('input', {
					type: 'radio',
					name,
					checked: this.chosen[i] === choice,
					on: { change: () => this.choose(i, choice) },
				}),
				h('span', { text })
			)
		);
		return h(
			'div',
			{ class: 'choice', role: 'radiogroup', 'aria-label': label },
			h('span', { class: 'choice-label', text: label }),
			h('span', { class: 'segments' }, buttons)
		);
	}

	planText() {
		return this.groups
			.map(({ choices }, i) => choices[this.chosen[i]][1])
			.filter((part) => part !== '')
			.join(',');
	}

	choose(group, choice) {
		this.chosen[group] = choice;
		this.plan.value = this.planText();
		this.set(true);
	}

	set(on) {
		this.on = on;
		this.toggle.setAttribute('aria-checked', String(on));
		this.apply();
	}

	apply() {
		const plan = (this.on && this.plan.value.trim()) || NO_FAULTS;
		setText(this.wrong, '');
		this.node.plan(this.name, plan);
	}
}

export class FaultsView {
	constructor(node) {
		const { networks, disks } = node.program;
		this.devices = [
			...networks.map((name) => new Device(node, name, true)),
			...disks.map((name) => new Device(node, name, false)),
		];
		this.element = h(
			'div',
			{ class: 'faults' },
			h('p', {
				class: 'note',
				text:
					'Each switch works at once, while the program runs. The ' +
					'program cannot tell: to it the world is just like this.',
			}),
			this.devices.map(({ element }) => element)
		);
	}

	/** Whether any switch is on. */
	get on() {
		return this.devices.some(({ on }) => on);
	}
}
