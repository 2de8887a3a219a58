// SPDX-License-Identifier: ISC
// The floors in Chromium: what a plain Worker does. A message asks for { what, … };
// the answer is a figure.

const READ_BYTES = 4096;
const FRAME_BYTES = 1514;
const HEADER_BYTES = 4;
const BATCH = 43; // 64 KiB
const TURN_BATCHES = 4;

async function read({ name, n }) {
	const folder = await navigator.storage.getDirectory();
	const file = await folder.getFileHandle(name);
	const handle = await file.createSyncAccessHandle();
	const sectors = handle.getSize() / READ_BYTES;
	const buffer = new Uint8Array(READ_BYTES);
	const began = performance.now();
	for (let i = 0; i < n; i++)
		handle.read(buffer, {
			at: Math.floor(Math.random() * sectors) * READ_BYTES,
		});
	const perSecond = (n * 1000) / (performance.now() - began);
	handle.close();
	return perSecond;
}

/** Counts frames that come in messages of many, each to a place of its own. */
function receive({ channel, n }) {
	const place = new Uint8Array(65536);
	const wire = new BroadcastChannel(channel);
	return new Promise((resolve) => {
		let seen = 0;
		let began;
		wire.onmessage = ({ data }) => {
			began ??= performance.now();
			const bytes = new Uint8Array(data);
			const view = new DataView(data);
			for (let at = 0; at < bytes.length; seen++) {
				const next = at + HEADER_BYTES + view.getUint32(at);
				place.set(bytes.subarray(at + HEADER_BYTES, next));
				at = next;
			}
			if (seen < n) return;
			wire.close();
			resolve(((performance.now() - began) * 1e6) / n);
		};
	});
}

/** Others get their turn by a message, which timers of browsers would delay. */
function breathe() {
	const { port1, port2 } = new MessageChannel();
	return new Promise((resolve) => {
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(0);
	});
}

async function send({ channel, n }) {
	const wire = new BroadcastChannel(channel);
	const batch = new Uint8Array(BATCH * (HEADER_BYTES + FRAME_BYTES)).fill(255);
	const view = new DataView(batch.buffer);
	for (let i = 0; i < BATCH; i++)
		view.setUint32(i * (HEADER_BYTES + FRAME_BYTES), FRAME_BYTES);
	for (let sent = 0; sent < n; await breathe())
		for (let i = 0; i < TURN_BATCHES; i++, sent += BATCH)
			wire.postMessage(batch.slice().buffer);
	return 0;
}

onmessage = async ({ data }) =>
	postMessage(await { read, receive, send }[data.what](data));
