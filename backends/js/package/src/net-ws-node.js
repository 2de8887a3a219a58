// SPDX-License-Identifier: ISC
// ws: and wss: in Node: by npm's ws, which is faster, or by Node's own WebSocket.

import { ENODEV, MirageError } from './errors.js';
import { FRAME_MAX_BYTES } from './framing.js';
import { connect, openWith } from './net-ws.js';

/** Keeps what it sends, until that is sent. */
function connectNpm(WebSocket, url, onMessage) {
	const options = { perMessageDeflate: false, maxPayload: FRAME_MAX_BYTES };
	const socket = new WebSocket(url, options);
	socket.on('message', (bytes, binary) => onMessage(binary ? bytes : null));
	return socket;
}

async function sockets() {
	const own = (bytes) => Buffer.from(bytes);
	try {
		const { WebSocket } = await import('ws');
		return {
			connect: (...args) => connectNpm(WebSocket, ...args),
			own,
		};
	} catch (error) {
		if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
	}
	if (globalThis.WebSocket) return { connect, own };
	throw new MirageError(
		ENODEV,
		'this Node has no WebSocket; install one with npm install ws, or take ' +
			'Node 22 or later'
	);
}

export async function open(port, options) {
	return openWith(port, options, await sockets());
}
