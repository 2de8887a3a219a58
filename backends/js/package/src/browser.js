// SPDX-License-Identifier: ISC
// createMirage in a page or a Worker.

import { GivenConsole } from './console.js';
import { create } from './mirage.js';

/** What browsers round performance.now to, against attacks by timing. */
const RESOLUTION_NS = 100000;
const RESOLUTION_ISOLATED_NS = 5000;

/** Calls a function soon: setTimeout would wait for 4 ms. */
class Soon {
	constructor() {
		const { port1, port2 } = new MessageChannel();
		this.waiting = [];
		this.port = port2;
		port1.onmessage = () => this.waiting.shift()();
	}

	call(run) {
		this.waiting.push(run);
		this.port.postMessage(null);
	}
}

async function fetched(url) {
	let response;
	try {
		response = await fetch(url);
	} catch (error) {
		throw new Error(`cannot be fetched: ${error.message}`, {
			cause: error,
		});
	}
	if (!response.ok)
		throw new Error(
			`cannot be fetched: the server says ${response.status} ` +
				response.statusText
		);
	return response;
}

/** Compiles while it comes; a server that names another type gets another way. */
async function compile(response) {
	const type = response.headers.get('Content-Type') ?? 'no type';
	try {
		if (type === 'application/wasm')
			return await WebAssembly.compileStreaming(response);
		return await WebAssembly.compile(await response.arrayBuffer());
	} catch (error) {
		throw new Error(`is no WebAssembly (${type}): ${error.message}`, {
			cause: error,
		});
	}
}

class Host {
	constructor() {
		const soon = new Soon();
		this.resolutionNs = globalThis.crossOriginIsolated
			? RESOLUTION_ISOLATED_NS
			: RESOLUTION_NS;
		this.networks = {
			ws: () => import('./net-ws.js'),
			wss: () => import('./net-ws.js'),
			bc: () => import('./net-bc.js'),
		};
		this.blocks = {
			disk: () => import('./block-disk.js'),
			opfs: () => import('./block-opfs.js'),
			idb: () => import('./block-idb.js'),
			mem: () => import('./block-mem.js'),
		};
		this.setTimeout = (...args) => setTimeout(...args);
		this.clearTimeout = (timer) => clearTimeout(timer);
		this.soon = (run) => soon.call(run);
	}

	now() {
		return performance.now();
	}

	random(bytes) {
		crypto.getRandomValues(bytes);
	}

	console(given) {
		return new GivenConsole(given);
	}

	async module(wasm) {
		if (wasm instanceof WebAssembly.Module) return wasm;
		if (wasm instanceof Response) return compile(wasm);
		if (typeof wasm === 'string' || wasm instanceof URL)
			return compile(await fetched(wasm));
		return WebAssembly.compile(wasm);
	}

	/** Browsers freeze hidden pages, and keep left ones for the way back. */
	hold(instance) {
		this.onResume = () => instance.resumed();
		this.onShow = ({ persisted }) => persisted && instance.resumed();
		globalThis.document?.addEventListener('resume', this.onResume);
		globalThis.window?.addEventListener('pageshow', this.onShow);
	}

	release() {
		globalThis.document?.removeEventListener('resume', this.onResume);
		globalThis.window?.removeEventListener('pageshow', this.onShow);
	}
}

export async function createMirage(options) {
	if (!options.worker) return create(options, new Host());
	// A Worker that fails now has told so before the import has ended.
	const early = new Promise((resolve) =>
		options.worker.addEventListener?.('error', resolve, { once: true })
	);
	const { createRemote } = await import('./remote.js');
	return createRemote(options, early, new GivenConsole(options.console));
}
