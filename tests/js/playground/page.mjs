// SPDX-License-Identifier: ISC
// The built playground in Chromium, for its tests: a server, pages, and what a
// student looks at in them.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, noBrowser } from '../chromium.mjs';
import { serve } from '../server.mjs';
import { assert, cleanup, skipAll } from '../tap.mjs';

const PATIENCE_MS = 30000;
export const BUILD = process.env.MIRAGE_BUILD;
const SHOTS = join(BUILD, 'playground-shots');

if (noBrowser()) skipAll(noBrowser());

export async function shot(page, name) {
	mkdirSync(SHOTS, { recursive: true });
	await page.evaluate(() => scrollTo(0, 0));
	await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

const LAPTOP = { width: 1366, height: 768 };

/** A browser of its own for a test, with the built page; with `profile`, a folder, it
 *  stores there instead of in memory. */
export async function start({
	isolated = true,
	args,
	profile,
	...context
} = {}) {
	context.viewport ??= LAPTOP;
	const roots = { play: join(BUILD, 'playground') };
	const server = await serve({ roots, isolated });
	cleanup(() => server.close());
	const browser = await launch({ args, profile });
	cleanup(() => browser.close());
	const tabs = profile ? browser : await browser.newContext(context);
	tabs.setDefaultTimeout(PATIENCE_MS);
	return { tabs, url: `${server.origin}/play/index.html` };
}

/** A tab with the page. What goes wrong in it fails the test. */
export async function open({ tabs, url }, prepare = () => {}) {
	const page = await tabs.newPage();
	const errors = [];
	page.on('pageerror', (error) => errors.push(error.message));
	cleanup(() => assert.deepEqual(errors, []));
	await prepare(page);
	await page.goto(url);
	await page.waitForSelector('.launch');
	return page;
}

/** The newest node with this program. */
export function node(page, program) {
	return page.locator(`.node[data-program="${program}"]`).first();
}

export async function startNode(page, program) {
	await page.click(`[data-start="${program}"]`);
	return node(page, program);
}

/** Waits until the node says so of itself. */
export function state(one, text) {
	return one.locator('.state', { hasText: text }).waitFor();
}

/** Waits until `text` is on the terminal. */
export async function prints(one, text) {
	const printed = () =>
		one.evaluate((element) =>
			globalThis.playground.views
				.find((view) => view.element === element)
				.terminal.text()
		);
	await until(async () => (await printed()).includes(text), text);
}

export async function tab(one, name) {
	await one.getByRole('tab', { name, exact: true }).click();
}

/** Waits until `ask()` is true. */
export async function until(ask, what) {
	const end = Date.now() + PATIENCE_MS;
	while (!(await ask())) {
		if (Date.now() > end) throw new Error(`never: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/** The numbers of the pinger: { sent, answered, lost }. */
export async function pings(page) {
	const text = await page.locator('.sums').textContent();
	const [sent, answered, lost] = (text.match(/\d+/g) ?? []).map(Number);
	return { sent: sent ?? 0, answered: answered ?? 0, lost: lost ?? 0 };
}
