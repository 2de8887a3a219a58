// SPDX-License-Identifier: ISC
// Debian's Chromium for tests, on a page of the server that can import the loader.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';

export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PATIENCE_MS = 60000;

const PACKAGE = fileURLToPath(
	new URL('../../backends/js/package/', import.meta.url)
);

/** Why there is no browser here, or null. */
export function noBrowser() {
	if (existsSync(EXECUTABLE)) return null;
	return 'Chromium is not installed (Debian: chromium)';
}

/** What playwright-core gives so that hidden tabs run as others. */
const NEVER_HIDDEN = [
	'--disable-background-timer-throttling',
	'--disable-backgrounding-occluded-windows',
	'--disable-renderer-backgrounding',
];

/** Starts a browser; with `profile`, a folder, what it stores stays there; with
 *  `hides` it treats hidden tabs as it does on a desktop. */
export async function launch({ profile, args = [], hides = false } = {}) {
	const options = {
		executablePath: EXECUTABLE,
		ignoreDefaultArgs: hides ? NEVER_HIDDEN : [],
		args: [
			'--no-sandbox',
			'--disable-dev-shm-usage',
			'--disable-gpu',
			...args,
		],
		timeout: PATIENCE_MS,
	};
	return profile
		? chromium.launchPersistentContext(profile, options)
		: chromium.launch(options);
}

/** A server of the loader at /mirage/ and of more folders, with an empty page at
 *  /; pages find `mirage-js` by that name. */
export function serveLoader({ roots = {}, pages = {}, ...options } = {}) {
	const imports = {
		'mirage-js': '/mirage/src/browser.js',
		'mirage-js/worker': '/mirage/src/worker.js',
	};
	const body =
		'<!doctype html><meta charset="utf-8"><title>mirage</title>' +
		'<link rel="icon" href="data:,"><script type="importmap">' +
		JSON.stringify({ imports }) +
		'</script>';
	return serve({
		roots: { mirage: PACKAGE, ...roots },
		pages: { '/': { type: 'text/html', body }, ...pages },
		...options,
	});
}

/** A page of `server`, whose errors and console lines go to standard error. */
export async function openPage(browser, server, path = '/') {
	const page = await browser.newPage();
	page.setDefaultTimeout(PATIENCE_MS);
	page.on('pageerror', (error) =>
		process.stderr.write(`page: ${error.message}\n`)
	);
	page.on('console', (message) =>
		process.stderr.write(`page: ${message.text()}\n`)
	);
	await page.goto(server.origin + path);
	return page;
}
