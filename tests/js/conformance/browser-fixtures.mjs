// SPDX-License-Identifier: ISC
// Disks of browsers, and a LAN of BroadcastChannel, for the suite's cases in a Worker.

import { open as openIdb } from '../../../backends/js/package/src/block-idb.js';
import { open as openOpfs } from '../../../backends/js/package/src/block-opfs.js';
import {
	DISK_BYTES,
	FIXED_BYTES,
	FIXED_VALUE,
	memory,
	objects,
} from './fixtures.mjs';
import { CaseConsole } from './world.mjs';

let number = 0;

/** A LAN of the case's own; the world has a station there, too. */
function lan(name, more) {
	const station = new BroadcastChannel('v86-inbrowser-' + name);
	return {
		networks: { a: `bc:${name}${more}`, b: `bc:${name}${more}` },
		inject: (to, frame) => station.postMessage(frame),
		dispose: () => station.close(),
	};
}

/** Writes a disk full before the program has it. */
async function prepare(open, path) {
	const options = { path, sizeBytes: FIXED_BYTES, readOnly: false };
	const disk = await open(options, { log() {}, resized() {} });
	const bytes = new Uint8Array(FIXED_BYTES).fill(FIXED_VALUE);
	const done = (verb, ...args) =>
		new Promise((resolve, reject) =>
			disk[verb](...args, (e) => (e ? reject(e) : resolve()))
		);
	await done('write', 0, bytes, 0, bytes.length);
	await done('flush');
	await disk.close();
}

async function disks(scheme, open, more) {
	const name = `conf-${scheme}-${++number}`;
	await prepare(open, name + '-fixed');
	return {
		...lan(name, more),
		console: new CaseConsole(),
		blocks: {
			small: `${scheme}:${name}-small,size=${DISK_BYTES}`,
			large: `${scheme}:${name}-large,size=${DISK_BYTES},sector=4096`,
			fixed: `${scheme}:${name}-fixed,ro`,
		},
		names: ['small', 'large', 'fixed'].map((disk) => `${name}-${disk}`),
	};
}

async function removeFile(name) {
	const folder = await navigator.storage.getDirectory();
	await folder.removeEntry(name).catch(() => {});
}

function removeDatabase(name) {
	return new Promise((resolve) => {
		const request = indexedDB.deleteDatabase('mirage-disk:' + name);
		request.onsuccess =
			request.onerror =
			request.onblocked =
				() => resolve();
	});
}

/** Has `remove` called for the names of the fixture's disks, too. */
function removing(fixture, remove) {
	const { dispose } = fixture;
	fixture.dispose = async () => {
		dispose();
		for (const name of fixture.names) await remove(name);
	};
	return fixture;
}

export const fixtures = {
	memory,
	objects,
	opfs: async () => removing(await disks('opfs', openOpfs, ''), removeFile),
	idb: async () =>
		removing(await disks('idb', openIdb, ',batch'), removeDatabase),
};
