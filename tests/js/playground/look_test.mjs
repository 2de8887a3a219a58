// SPDX-License-Identifier: ISC
// Themes, sizes, and the keyboard alone. Leaves screenshots.

import { assert, done, test } from '../tap.mjs';
import {
	node,
	open,
	pings,
	prints,
	shot,
	start,
	startNode,
	state,
	until,
} from './page.mjs';

function look(page) {
	return page.evaluate(() => ({
		theme: document.documentElement.dataset.theme,
		page: getComputedStyle(document.body).backgroundColor,
		text: getComputedStyle(document.body).color,
		size: parseFloat(getComputedStyle(document.documentElement).fontSize),
	}));
}

/** From 1 to 21, as WCAG 2 has it, of two colours rgb(…). */
function contrast(...colours) {
	const [light, dark] = colours
		.map((colour) =>
			colour
				.match(/[\d.]+/g)
				.slice(0, 3)
				.map((value) => value / 255)
				.map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
				.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
		)
		.sort((a, b) => b - a);
	return (light + 0.05) / (dark + 0.05);
}

/** A page with something to see in it. */
async function busy(page) {
	await startNode(page, 'ping');
	await page.getByLabel('how often').selectOption('5 a second');
	await page.getByRole('button', { name: 'Ping', exact: true }).click();
	const ping = node(page, 'ping');
	await ping.locator('.frame-line', { hasText: 'echo reply #2' }).waitFor();
	await ping.getByRole('tab', { name: 'Faults' }).click();
	await ping.getByRole('switch').click();
	await until(async () => (await pings(page)).lost >= 4, 'losses');
	await ping.getByRole('tab', { name: 'Network' }).click();
	await startNode(page, 'disk');
	const map = node(page, 'disk').locator('.legend .stored[data-some]');
	await map.waitFor();
}

await test('light, dark, and as the system has it', async () => {
	const page = await open(await start({ colorScheme: 'dark' }));
	const dark = await look(page);
	assert.equal(dark.theme, 'dark');
	const button = page.locator('#theme');
	assert.equal(await button.textContent(), 'Theme: auto');
	await page.emulateMedia({ colorScheme: 'light' });
	await until(async () => (await look(page)).theme === 'light', 'light');
	const light = await look(page);
	assert.notEqual(light.page, dark.page);
	for (const { page: back, text } of [dark, light])
		assert(contrast(back, text) > 7, `${text} on ${back}`);
	await button.click();
	assert.equal(await button.textContent(), 'Theme: light');
	await button.click();
	assert.equal((await look(page)).theme, 'dark');
	await page.reload();
	assert.equal((await look(page)).theme, 'dark');
});

await test('screenshots of a busy page', async () => {
	const page = await open(await start({ colorScheme: 'light' }));
	await shot(page, 'light-start');
	await busy(page);
	await shot(page, 'light');
	await page.emulateMedia({ colorScheme: 'dark' });
	await until(async () => (await look(page)).theme === 'dark', 'dark');
	await shot(page, 'dark');
});

await test('larger for a projector, with nothing beyond the edge', async () => {
	const projector = { width: 1280, height: 720 };
	const page = await open(await start({ viewport: projector }));
	const { size } = await look(page);
	await busy(page);
	await page.click('#larger');
	await page.click('#larger');
	assert((await look(page)).size > size * 1.2);
	const beyond = await page.evaluate(
		() => document.documentElement.scrollWidth - innerWidth
	);
	assert(beyond <= 0, `${beyond} pixels beyond the edge`);
	await shot(page, 'projector');
	await page.setViewportSize({ width: 400, height: 800 });
	const narrow = await page.evaluate(
		() => document.documentElement.scrollWidth - innerWidth
	);
	assert(narrow <= 0, `${narrow} pixels beyond the edge of a phone`);
	await shot(page, 'phone');
});

const focused = (page) =>
	page.evaluate(() => {
		const at = document.activeElement;
		return at.getAttribute('aria-label') ?? at.textContent.trim();
	});

await test('the keyboard is enough', async () => {
	const page = await open(await start());
	const press = (...keys) => keys.reduce(
		(before, key) => before.then(() => page.keyboard.press(key)),
		Promise.resolve()
	);
	await press('Tab');
	assert.equal(await focused(page), 'Skip to the nodes');
	await press('Enter', 'Tab');
	assert.match(await focused(page), /^hello/);
	await press('Enter');
	await state(node(page, 'hello'), 'ended well');
	assert.equal(await focused(page), 'node hello 1');

	await press('4');
	const ping = node(page, 'ping');
	await prints(ping, 'ping: ready');
	await press('p');
	await until(async () => (await pings(page)).answered > 0, 'an answer');
	assert.equal(await focused(page), 'node ping 2');
	await press('n');
	assert.equal(await focused(page), 'node hello 1');
	await press('b');
	assert.equal(await focused(page), 'node ping 2');

	await ping.getByRole('tab', { name: 'Network' }).focus();
	await press('ArrowRight', 'ArrowRight');
	assert.equal(await focused(page), 'Faults');
	await press('Tab');
	assert.equal(await focused(page), "Faults of 'service'");
	await press('Space');
	await until(
		async () =>
			(await ping.locator('[role=switch][aria-checked=true]').count()) === 1,
		'the switch'
	);
	await press('k');
	await state(ping, 'unplugged');
	await press('r');
	await state(ping, 'running');
	await press('s');
	await state(ping, 'ended well');
});

await test('Tab leaves the terminal; letters are not keys while typing', async () => {
	const page = await open(await start());
	const hello = await startNode(page, 'hello');
	await state(hello, 'ended well');
	await hello.getByLabel('terminal of hello 1').focus();
	await page.keyboard.press('Tab');
	assert.notEqual(await focused(page), 'terminal of hello 1');
	await hello.getByLabel('Arguments').focus();
	await page.keyboard.type('41');
	assert.equal(await page.locator('.node').count(), 1);
});

await test('the keys are listed', async () => {
	const page = await open(await start());
	await page.keyboard.press('?');
	const dialog = page.getByRole('dialog');
	await dialog.waitFor();
	for (const words of ['start hello', 'pull the plug', 'projector'])
		assert((await dialog.textContent()).includes(words), words);
	await page.keyboard.press('Escape');
	await dialog.waitFor({ state: 'hidden' });
	await page.keyboard.press('l');
	assert(await page.locator('aside').isHidden());
});

done();
