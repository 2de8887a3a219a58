// SPDX-License-Identifier: ISC
// One node: a program in a Worker of its own, with networks and disks that report to
// the page (node.js), where the messages are explained.

import { createMirage } from 'mirage-js';
import { watchedDisk } from './disk.js';
import { tapNetwork } from './net-tap.js';
import { Reporter } from './reporter.js';

const OUTPUT_BYTES = 65536; // on its way to the page
const COUNTERS_MS = 250;

const reporter = new Reporter();
const asked = []; // flushes that the page has not confirmed
const plans = new Map(); // of faults, for devices that are not open yet
let instance = null;
let begun;
const ready = new Promise((resolve) => (begun = resolve));
let room = OUTPUT_BYTES;
let short = false;

const console = {
	write(bytes) {
		const taken = Math.min(bytes.length, Math.max(room, 0));
		room -= taken;
		short ||= taken < bytes.length;
		if (taken > 0) postMessage({ type: 'write', bytes: bytes.slice(0, taken) });
		return taken;
	},
	log(level, text) {
		postMessage({ type: 'log', level, text });
	},
};

function ask(name, done) {
	reporter.flush();
	asked.push(done);
	postMessage({ type: 'ask' });
}

/** Frames that the program's own side has lost on the way in. */
function dropped(name) {
	const all = instance?.counters() ?? [];
	const counters = all.find((device) => device.name === name) ?? {};
	return Object.entries(counters)
		.filter(([key]) => key.startsWith('rx_dropped'))
		.reduce((sum, [, value]) => sum + value, 0);
}

function reportCounters() {
	const devices = instance.counters();
	const next = instance.deadline - instance.now();
	reporter.add({ type: 'counters', devices, next });
}

/** A driver whose device gets the plans that wait for it, and tells its counters while
 *  they can be read. */
function watched(driver) {
	return {
		async open(...args) {
			const device = await driver.open(...args);
			const close = device.close.bind(device);
			setTimeout(applyPlans);
			device.close = () => {
				if (instance) reportCounters();
				return close();
			};
			return device;
		},
	};
}

/** Counters are there when the device is. */
function isOpen(name) {
	const device = instance?.counters().find((one) => one.name === name);
	return device !== undefined && Object.keys(device).length > 1;
}

/** Plans for devices that are not open yet wait. */
function applyPlans() {
	for (const [name, plan] of plans) {
		if (!isOpen(name)) continue;
		plans.delete(name);
		let wrong = null;
		try {
			instance.fault(name, plan);
		} catch (error) {
			wrong = error.message;
		}
		postMessage({ type: 'planned', name, plan, wrong });
	}
}

function devices(given, make) {
	return Object.fromEntries(
		Object.entries(given).map(([name, how]) => [
			name,
			watched(make(name, how)),
		])
	);
}

async function start({ wasm, name, args, networks, disks }) {
	try {
		instance = await createMirage({
			wasm,
			name,
			args,
			console,
			networks: devices(networks, (net, lan) =>
				tapNetwork(net, lan, reporter, dropped)
			),
			blocks: devices(disks, (disk, how) =>
				watchedDisk(disk, how, reporter, ask)
			),
			onWake: (due, now) => reporter.add({ type: 'wake', due, now }),
		});
	} catch (error) {
		postMessage({ type: 'failed', message: error.message });
		return;
	}
	postMessage({ type: 'started' });
	begun();
	applyPlans();
	const poll = setInterval(reportCounters, COUNTERS_MS);
	const status = await instance.exited;
	clearInterval(poll);
	reporter.flush();
	const trap = instance.trap && String(instance.trap.message ?? instance.trap);
	postMessage({ type: 'exited', status, trap });
}

const handlers = {
	start,
	confirm: () => asked.shift()?.(),
	input: ({ bytes }) => ready.then(() => instance.input(bytes)),
	shutdown: () => ready.then(() => instance.shutdown()),
	taken({ n }) {
		room += n;
		if (!short || room < OUTPUT_BYTES / 2) return;
		short = false;
		instance?.writable();
	},
	fault({ name, plan }) {
		plans.set(name, plan);
		applyPlans();
	},
};

addEventListener('message', ({ data }) => handlers[data.type](data));
