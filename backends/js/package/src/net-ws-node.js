// SPDX-License-Identifier: ISC
// ws: and wss: in Node: by npm's ws, which is faster, or by Node's own WebSocket.

import { ENODEV, MirageError } from './errors.js';
import { FRAME_MAX_BYTES } from './framing.js';
import { openWith } from './net-ws.js';

async function sockets() {
	try {
		const { WebSocket } = await import('ws');
		const options = { perMessageDeflate: false, maxPayload: FRAME_MAX_BYTES };
		return { connect: (url) => new WebSocket(url, options), copies: false };
	} catch (error) {
		if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
	}
	if (!globalThis.WebSocket)
		throw new MirageError(
			ENODEV,
			'this Node has no WebSocket; install one with npm install ws, or ' +
				'take Node 22 or later'
		);
	return { connect: (url) => new WebSocket(url), copies: false };
}

export async function open(port, options) {
	return openWith(port, options, await sockets());
}
