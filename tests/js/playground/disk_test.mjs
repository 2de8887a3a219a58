// SPDX-License-Identifier: ISC
// The third lesson: what is written shows on the map, and what the loss of power or a
// failing disk does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, cleanup, done, test } from '../tap.mjs';
import {
	node,
	open,
	prints,
	start,
	startNode,
	state,
	tab,
	until,
} from './page.mjs';

/** The numbers of the summary: { cached, safe, lost, same }. */
async function sectors(disk) {
	const text = await disk.locator('.disk > .note').textContent();
	const take = (pattern) =>
		Number((pattern.exec(text)?.[1] ?? 'NaN').replace(',', ''));
	return {
		cached: take(/([\d,]+) in the cache/),
		safe: take(/([\d,]+) safe/),
		lost: take(/([\d,]+) lost/),
		same: take(/equals 'from' in ([\d,]+)/),
	};
}

async function reach(disk, what, good) {
	await until(async () => good(await sectors(disk)), what);
}

/** The colour of a sector on the map, and that of a state in the style sheet. */
function colours(disk, sector, name) {
	return disk.evaluate(
		(element, [at, property]) => {
			const map = element.querySelector('.map');
			const scale = map.width / (128 * 6);
			const x = ((at % 128) * 6 + 2) * scale;
			const y = (Math.floor(at / 128) * 10 + 1) * scale;
			const paint = map.getContext('2d');
			const seen = paint.getImageData(x, y, 1, 1).data;
			const other = new OffscreenCanvas(1, 1).getContext('2d');
			const style = getComputedStyle(document.documentElement);
			other.fillStyle = style.getPropertyValue(property);
			other.fillRect(0, 0, 1, 1);
			const wanted = other.getImageData(0, 0, 1, 1).data;
			return [seen.join(), wanted.join()];
		},
		[sector, `--sector-${name}`]
	);
}

async function looks(disk, sector, name) {
	const [seen, wanted] = await colours(disk, sector, name);
	assert.equal(seen, wanted, `sector ${sector} is not ${name}`);
}

await test('written sectors are highlighted; the plug takes the cache', async () => {
	const page = await open(await start());
	const disk = await startNode(page, 'disk');
	await reach(disk, 'a full cache', (n) => n.cached === 256 && n.safe >= 16);
	await looks(disk, 0, 'stored');
	const early = await sectors(disk);
	await looks(disk, early.safe + 200, 'cached');
	await looks(disk, 2000, 'empty');
	await disk.getByRole('button', { name: 'Pull the plug' }).click();
	await state(disk, 'unplugged');
	await prints(disk, 'power lost, and 256 sectors with it');
	await reach(disk, 'losses', (n) => n.lost === 256);
	const { safe, same } = await sectors(disk);
	assert.equal(same, safe, 'what is safe is what was copied');
	await looks(disk, 0, 'stored');
	await disk.getByLabel('Speed').selectOption('full');
	await disk.getByRole('button', { name: 'Run again' }).click();
	await state(disk, 'ended well');
	await prints(disk, 'SHA-256');
	await reach(disk, 'a whole copy', (n) => n.same === 2048 && n.safe === 2048);
});

await test('a sector shows its bytes, by mouse and by key', async () => {
	const page = await open(await start());
	const disk = await startNode(page, 'disk');
	await disk.getByRole('button', { name: 'from', exact: true }).click();
	const map = disk.locator('.map');
	await map.click({ position: { x: 1, y: 1 } });
	const caption = disk.locator('.caption');
	await caption.filter({ hasText: "Sector 0 of 'from'" }).waitFor();
	await map.press('ArrowDown');
	await map.press('ArrowRight');
	await caption.filter({ hasText: "Sector 129 of 'from'" }).waitFor();
	const hex = await disk.locator('.sector .hex').textContent();
	assert(hex.includes('010200'), 'the offset of sector 129');
	assert(hex.includes('54686973'), 'This');
});

await test('a disk in the browser outlives the page', async () => {
	const world = await start();
	const page = await open(world);
	const disk = await startNode(page, 'disk');
	await disk.getByRole('button', { name: 'Pull the plug' }).click();
	await disk.getByLabel("Keep 'to' in").selectOption('the browser (OPFS)');
	await disk.getByLabel('Speed').selectOption('full');
	await disk.getByRole('button', { name: 'Run again' }).click();
	await state(disk, 'ended well');
	await page.reload();
	await page.waitForSelector('.launch');
	const again = await startNode(page, 'disk');
	await again.getByRole('button', { name: 'Pull the plug' }).click();
	await again.getByLabel("Keep 'to' in").selectOption('the browser (OPFS)');
	await again.getByLabel('Speed').selectOption('slow motion');
	await again.getByRole('button', { name: 'Run again' }).click();
	await reach(again, 'the old copy', (n) => n.same === 2048 && n.safe < 2048);

	const other = await open(world);
	const second = await startNode(other, 'disk');
	await second.getByRole('button', { name: 'Pull the plug' }).click();
	await second.getByLabel("Keep 'to' in").selectOption('the browser (OPFS)');
	await second.getByRole('button', { name: 'Run again' }).click();
	await state(second, 'ended with status 1');
	await prints(second, 'in use by another program');
});

await test('a failing disk ends the copy with an error', async () => {
	const page = await open(await start());
	await page.getByText('3. Write to a disk').click();
	await page.getByRole('button', { name: 'Make it fail' }).click();
	const disk = node(page, 'disk');
	await state(disk, 'ended with status 1');
	await prints(disk, "block 'to': write at 262144: input/output error");
	await tab(disk, 'Timers and counters');
	await disk.locator('tr.bad', { hasText: 'errors' }).waitFor();
});

await test('a disk of more than the quota is refused with words', async () => {
	const profile = mkdtempSync(join(tmpdir(), 'mirage-playground-'));
	cleanup(() => rmSync(profile, { recursive: true, force: true }));
	const world = await start({ profile });
	const page = await open(world);
	const session = await world.tabs.newCDPSession(page);
	await session.send('Storage.overrideQuotaForOrigin', {
		origin: new URL(world.url).origin,
		quotaSize: 0,
	});
	const disk = await startNode(page, 'disk');
	await disk.getByRole('button', { name: 'Pull the plug' }).click();
	await disk.getByLabel("Keep 'to' in").selectOption('the browser (OPFS)');
	await disk.getByRole('button', { name: 'Run again' }).click();
	await state(disk, 'ended with status 1');
	await prints(disk, 'the browser does not grant 1048576 bytes');
});

done();
