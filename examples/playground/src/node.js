// SPDX-License-Identifier: ISC
// A node: one run after another of a program in a Worker, with what belongs to the
// node and outlives a run: its disks, its frames, its fault plans.
//
// Messages to the Worker are start, confirm, input, taken, shutdown and fault; from it
// come started, failed, write, log, events (frame, wake, counters, and those of
// disks), ask (confirmed when all events before it are dealt with), planned, exited.

import { compile, DISK_BYTES } from './programs.js';
import { Platter, sampleDisk } from './platter.js';

const FRAMES_MAX = 5000;
const WAKES_MAX = 12;
const CACHE_BYTES = 128 * 1024;
const STATUS_TRAP = 134;

/** What a device does by itself: nothing. It keeps the shim in place. */
export const NO_FAULTS = 'delay=0us';

export const IDLE = 'idle';
export const RUNNING = 'running';
export const ENDED = 'ended'; // with status 0
export const FAILED = 'failed'; // with another, or not started
export const DIED = 'died'; // of a trap
export const UNPLUGGED = 'unplugged';

/**
 * Events: `state`, `frame`, `frames` (all gone), `counters`, `wake`, `write`
 * (detail: bytes), `log` (level, text), `say` (text), `planned`.
 */
export class Node extends EventTarget {
	constructor(program, number, lan) {
		super();
		this.program = program;
		this.number = number;
		this.lan = lan;
		this.args = program.args.includes('{') ? '' : program.args;
		this.state = IDLE;
		this.frames = [];
		this.missed = 0; // frames that are not kept any more
		this.plans = new Map(
			[...program.networks, ...program.disks].map((name) => [
				name,
				NO_FAULTS,
			])
		);
		this.medium = 'page';
		this.bytesPerSecond = 128 * 1024;
		this.platters = new Map(
			program.disks.map((name) => [name, new Platter(newDisk(name))])
		);
		this.forget();
	}

	get label() {
		return `${this.program.name} ${this.number}`;
	}

	get running() {
		return this.state === RUNNING;
	}

	emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	forget() {
		this.counters = [];
		this.wakes = [];
		this.nWakes = 0;
		this.next = Infinity;
		this.status = this.trap = this.problem = null;
	}

	become(state) {
		this.state = state;
		this.emit('state');
	}

	// ------------------------------------------------------------ Running

	async start() {
		if (this.running) return;
		this.forget();
		for (const platter of this.platters.values()) platter.settle();
		this.began = performance.now();
		this.become(RUNNING);
		this.spawn();
		const { worker } = this;
		let module;
		try {
			module = await compile(this.program);
		} catch (error) {
			if (this.worker === worker) this.fail(error.message);
			return;
		}
		if (this.worker !== worker) return; // unplugged meanwhile
		this.post({
			type: 'start',
			wasm: module,
			name: this.program.name,
			args: [...this.words(), ...this.faultOptions()],
			networks: Object.fromEntries(
				this.program.networks.map((name) => [name, this.lan.name])
			),
			disks: this.diskOptions(),
		});
	}

	spawn() {
		this.worker = new Worker(new URL('./worker/worker.js', import.meta.url), {
			type: 'module',
		});
		this.worker.onmessage = ({ data }) => this[`on_${data.type}`](data);
		this.worker.onerror = ({ message }) =>
			this.fail(`the node's Worker failed: ${message ?? 'not loaded'}`);
	}

	words() {
		return this.args.split(/\s+/).filter((word) => word !== '');
	}

	/** A program of one's own may not open every device, and would be warned. */
	faultOptions() {
		return [...this.plans]
			.filter(([, plan]) => !this.program.bytes || plan !== NO_FAULTS)
			.flatMap(([name, plan]) => ['--fault', `${name}=${plan}`]);
	}

	diskOptions() {
		return Object.fromEntries(
			[...this.platters].map(([name, { content }]) => [
				name,
				{
					sizeBytes: content.length,
					bytesPerSecond: this.bytesPerSecond,
					cacheBytes: CACHE_BYTES,
					content,
					opfs: this.opfsPath(name),
				},
			])
		);
	}

	/** Only the disk that is written is worth keeping. */
	opfsPath(name) {
		if (this.medium !== 'opfs' || name === 'from') return null;
		return `mirage-playground/${this.program.name}-${name}`;
	}

	/** What one would type in a shell, in pieces. */
	commandLine() {
		const { name, networks, disks } = this.program;
		const plans = [...this.plans].filter(([, plan]) => plan !== NO_FAULTS);
		return [
			name,
			...networks.map((net) => `--net ${net}=bc:${this.lan.name}`),
			...disks.map((disk) => {
				const path = this.opfsPath(disk);
				return `--block ${disk}=${path ? `opfs:${path}` : 'mem:1M'}`;
			}),
			...plans.map(([device, plan]) => `--fault ${device}=${plan}`),
			...this.words(),
		];
	}

	post(message) {
		this.worker?.postMessage(message);
	}

	input(bytes) {
		this.post({ type: 'input', bytes });
	}

	/** Asks the program to end. */
	shutdown() {
		if (this.running) this.post({ type: 'shutdown' });
	}

	/** Power is gone: no goodbye, and what a disk had in its cache is lost. */
	unplug() {
		if (!this.running) return;
		this.end();
		let lost = 0;
		for (const platter of this.platters.values()) lost += platter.losePower();
		this.emit('say', unpluggedText(lost));
		this.become(UNPLUGGED);
	}

	end() {
		this.worker?.terminate();
		this.worker = null;
		this.took = performance.now() - this.began;
		this.next = Infinity;
	}

	fail(message) {
		this.problem = message;
		this.end();
		this.emit('log', { level: 0, text: message });
		this.become(FAILED);
	}

	plan(name, plan) {
		if (this.worker) this.post({ type: 'fault', name, plan });
		else this.on_planned({ name, plan, wrong: null });
	}

	clearFrames() {
		this.frames = [];
		this.missed = 0;
		this.emit('frames');
	}

	close() {
		this.end();
	}

	// ---------------------------------------------------- From the Worker

	on_started() {
		this.emit('state');
	}

	on_failed({ message }) {
		this.fail(message);
	}

	on_write({ bytes }) {
		const taken = () => this.post({ type: 'taken', n: bytes.length });
		this.emit('write', { bytes, taken });
	}

	on_log({ level, text }) {
		this.emit('log', { level, text });
	}

	on_events({ events }) {
		for (const event of events) {
			const platter = this.platters.get(event.name);
			if (event.type === 'frame') this.onFrame(event);
			else if (platter) platter.on(event);
			else this.onNumbers(event);
		}
	}

	on_ask() {
		this.post({ type: 'confirm' });
	}

	/** A wrong plan leaves the old one. */
	on_planned({ name, plan, wrong }) {
		if (!wrong) this.plans.set(name, plan);
		this.emit('planned', { name, plan, wrong });
	}

	on_exited({ status, trap }) {
		this.status = status;
		this.trap = trap;
		this.end();
		if (status === STATUS_TRAP) this.become(DIED);
		else this.become(status === 0 ? ENDED : FAILED);
	}

	onFrame(frame) {
		this.frames.push(frame);
		if (this.frames.length > FRAMES_MAX) {
			this.frames.shift();
			this.missed++;
		}
		this.emit('frame', frame);
	}

	onNumbers(event) {
		if (event.type === 'wake') {
			this.nWakes++;
			this.wakes.push(event);
			if (this.wakes.length > WAKES_MAX) this.wakes.shift();
			this.emit('wake');
			return;
		}
		this.counters = merge(this.counters, event.devices);
		this.next = event.next;
		this.emit('counters');
	}
}

/** Counters of devices that are closed stay as they were. */
function merge(old, now) {
	const gone = old.filter(({ name }) => !now.some((d) => d.name === name));
	return [...gone, ...now].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function newDisk(name) {
	return name === 'from' ? sampleDisk(DISK_BYTES) : new Uint8Array(DISK_BYTES);
}

function unpluggedText(lost) {
	const sectors = `${lost} sector${lost === 1 ? '' : 's'}`;
	return lost > 0
		? `-- power lost, and ${sectors} with it --`
		: '-- power lost --';
}
