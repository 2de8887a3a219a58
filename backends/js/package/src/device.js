// SPDX-License-Identifier: ISC
// What networks and disks have in common: their counters, and the plan of --fault.

import { EINVAL, MirageError } from './errors.js';

const COUNTERS_AT = 8; // behind the size

/** Base of devices, whose tables of calls have `counters` and `fault`. */
export class Device {
	constructor(instance, at, name, wasm) {
		this.instance = instance;
		this.at = at;
		this.name = name;
		this.wasm = wasm;
	}

	/** The module with the driver for a URI: an object given to createMirage, or
	 *  one of the host's. */
	async findDriver(kind, { scheme, path }) {
		const { host, objects } = this.instance;
		const load = host[kind][scheme];
		if (scheme === 'object' && objects.has(path)) return objects.get(path);
		if (load) return load();
		throw new MirageError(
			EINVAL,
			`unknown scheme '${scheme}:'; there are ` +
				Object.keys(host[kind])
					.map((name) => name + ':')
					.join(', ')
		);
	}

	/** Remembers where they are, to be read at the end too. */
	findCounters() {
		this.countersAt = this.instance.call(this.wasm.counters, this.at);
	}

	counters() {
		if (this.countersAt === undefined) return {};
		const data = this.instance.data();
		return Object.fromEntries(
			this.counterNames.map((name, i) => [
				name,
				Number(
					data.getBigUint64(this.countersAt + COUNTERS_AT + 8 * i, true)
				),
			])
		);
	}

	fault(plan) {
		const { instance } = this;
		instance.putText(plan);
		if (instance.call(this.wasm.fault, this.at) === 0)
			throw new Error(instance.text(instance.exports.mirage_js_text()));
	}
}
