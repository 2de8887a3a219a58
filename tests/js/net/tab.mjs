// SPDX-License-Identifier: ISC
// Programs in tabs of Chromium, by the lines they print: all tabs are of one origin
// and see each other.

import { join } from 'node:path';
import { launch, openPage, serveLoader } from '../chromium.mjs';
import { assert, cleanup } from '../tap.mjs';
import { BUILD, Lines } from './app.mjs';

export const PING = '/examples/ping.wasm';
export const NETAPP = '/programs/netapp.wasm';

/** Starts a browser as `launch` does. */
export async function browse(options) {
	const server = await serveLoader({
		roots: {
			examples: join(BUILD, 'examples'),
			programs: join(BUILD, 'tests/js/net'),
		},
		pages: {
			'/plain': { type: 'text/html', body: '', isolated: false },
		},
	});
	const browser = await launch(options);
	const tabs = await browser.newContext();
	return {
		browser,
		server,
		tabs,
		async close() {
			await browser.close();
			await server.close();
		},
	};
}

/** In the page: starts a program, whose words go to `said`. */
export async function startProgram(options) {
	const { createMirage } = await import('mirage-js');
	const console = {
		write: (bytes) => void said('out', new TextDecoder().decode(bytes)),
		log: (level, text) => said('log', text),
	};
	window.program = await createMirage({ console, ...options });
}

/** A program in a tab. */
export class Tab extends Lines {
	/** `options` are createMirage's. */
	static async run({ tabs, server }, options) {
		return Tab.runIn(await openPage(tabs, server), options);
	}

	static async runIn(page, options) {
		const tab = new Tab();
		tab.page = page;
		cleanup(() => tab.page.close());
		await tab.page.exposeFunction('said', (...said) => tab.said(...said));
		await tab.page.evaluate(startProgram, options);
		return tab;
	}

	/** netapp in a tab. */
	static start(browser, uri, ...args) {
		const networks = { wire: uri };
		return Tab.run(browser, { wasm: NETAPP, networks, args });
	}

	said(where, text) {
		if (where === 'out') {
			this.add(text);
			return;
		}
		this.log.push(text);
		this.onLine();
	}

	/** The counters of its network while it runs. */
	present() {
		return this.page.evaluate(() => window.program.counters()[0]);
	}

	/** Asks it to end and resolves with its status. */
	exit() {
		return this.page.evaluate(() => {
			window.program.shutdown();
			return window.program.exited;
		});
	}

	/** Asks netapp to close its network and resolves with its counters. */
	async end() {
		assert.equal(await this.exit(), 0);
		return this.counters();
	}
}
