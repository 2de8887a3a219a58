// SPDX-License-Identifier: ISC
// The first two lessons, done as a student would: hello, pings, losses, a second tab.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { assert, done, skip, test } from '../tap.mjs';
import {
	BUILD,
	node,
	open,
	pings,
	prints,
	start,
	startNode,
	state,
	tab,
	until,
} from './page.mjs';

async function answered(page, n) {
	await until(async () => (await pings(page)).answered >= n, `${n} answers`);
}

async function lost(page, n) {
	await until(async () => (await pings(page)).lost >= n, `${n} losses`);
}

/** ping is running and answers. */
async function pinged(page) {
	const ping = await startNode(page, 'ping');
	await prints(ping, 'ping: ready');
	await page.getByLabel('how often').selectOption('5 a second');
	await page.getByRole('button', { name: 'Ping', exact: true }).click();
	await answered(page, 3);
	return ping;
}

await test('the first lesson: hello and ticker', async () => {
	const page = await open(await start());
	await page.getByRole('button', { name: 'Start hello' }).click();
	const hello = node(page, 'hello');
	await prints(hello, 'Hello, world!');
	await state(hello, 'ended well');
	await page.getByRole('button', { name: 'Start ticker' }).click();
	const ticker = node(page, 'ticker');
	await prints(ticker, 'tick 2 of 50');
	await ticker.locator('.wakes td').first().waitFor();
	const late = await ticker.locator('.wakes td:last-child').allTextContents();
	assert(late.every((text) => parseFloat(text) >= 0));
	assert.equal(await page.locator('.lesson').first().locator('.done').count(), 3);
	await ticker.getByRole('button', { name: 'Stop' }).click();
	await state(ticker, 'ended well');
});

await test('pings are answered, and their frames explained', async () => {
	const page = await open(await start());
	const ping = await pinged(page);
	const lines = ping.locator('button.frame-line');
	await lines.filter({ hasText: 'who has 10.0.0.2?' }).first().waitFor();
	await lines.filter({ hasText: 'echo reply #1' }).waitFor();
	const request = lines.filter({ hasText: 'echo request #1,' });
	await request.click();
	assert.equal(await request.getAttribute('aria-expanded'), 'true');
	const details = ping.locator('.details');
	const text = await details.textContent();
	for (const words of ['Ethernet', 'IPv4', 'ICMP', '8 (echo request)', 'good'])
		assert(text.includes(words), words);
	assert(!text.includes('WRONG'), 'a wrong checksum');
	await details.locator('.field', { hasText: 'sequence' }).hover();
	const marked = await details.locator('.hex .marked').allTextContents();
	assert.deepEqual(marked.slice(0, 2), ['00', '01']);
	await request.click();
	assert.equal(await details.count(), 0);
});

await test('half of the packets are lost while the switch is on', async () => {
	const page = await open(await start());
	const ping = await pinged(page);
	assert.equal((await pings(page)).lost, 0);
	await tab(ping, 'Faults');
	await ping.getByRole('switch').click();
	await lost(page, 3);
	await ping.locator('.faulty').waitFor();
	await tab(ping, 'Network');
	await ping.locator('.frame-line em.lost').first().waitFor();
	await tab(ping, 'Timers and counters');
	const row = ping.locator('tr.bad', { hasText: 'rx_dropped_invalid' });
	await row.waitFor();
	await tab(ping, 'Faults');
	await ping.getByRole('switch').click();
	await ping.locator('.faulty').waitFor({ state: 'hidden' });
	await page.getByRole('button', { name: 'Stop pinging' }).click();
	await page.getByRole('button', { name: 'Ping', exact: true }).click();
	await until(async () => {
		const { answered: n, lost: missing } = await pings(page);
		return n >= 5 && missing === 0;
	}, 'pings without losses');
});

await test('a plan that makes no sense is explained', async () => {
	const page = await open(await start());
	const ping = await pinged(page);
	await tab(ping, 'Faults');
	await ping.getByRole('switch').click();
	await ping.getByLabel('fault plan of service').fill('rx-drop=0');
	await ping.getByLabel('fault plan of service').press('Enter');
	const alert = ping.locator('.device [role=alert]');
	await alert.filter({ hasText: 'expected drop=N with N from 1' }).waitFor();
	await ping.getByText('200 ms').click();
	await alert.filter({ hasNotText: 'expected' }).waitFor({ state: 'attached' });
	await until(
		async () => (await page.locator('.sums').textContent()).includes(' 2'),
		'a delay'
	);
});

await test('what was seen can be read by tcpdump', async () => {
	const dump = (...args) =>
		spawnSync('tcpdump', args, { encoding: 'utf8' });
	if (dump('--version').error) skip('tcpdump is not installed');
	const page = await open(await start());
	const ping = await pinged(page);
	const [download] = await Promise.all([
		page.waitForEvent('download'),
		ping.getByRole('button', { name: 'Download pcap' }).click(),
	]);
	assert.equal(download.suggestedFilename(), 'ping-1.pcap');
	const path = join(BUILD, 'playground.pcap');
	await download.saveAs(path);
	const { status, stdout, stderr } = dump('-n', '-r', path);
	assert.equal(status, 0, stderr);
	assert.match(stdout, /ARP, Request who-has 10\.0\.0\.2/);
	assert.match(stdout, /> 10\.0\.0\.2: ICMP echo request, id \d+, seq 1,/);
	assert.match(stdout, /IP 10\.0\.0\.2 > .*: ICMP echo reply, id \d+, seq 1,/);
});

await test('tabs share a LAN', async () => {
	const world = await start();
	const first = await open(world);
	const ping = await startNode(first, 'ping');
	await prints(ping, 'ping: ready');
	const second = await open(world);
	await second.keyboard.press('p');
	await answered(second, 2);
	await ping.locator('.frame-line', { hasText: 'echo request' }).first().waitFor();
	const other = await startNode(second, 'ping');
	await prints(other, 'ping: ready');
	assert.equal(await other.getByLabel('Arguments').inputValue(), '10.0.0.3');
	await first.locator('.target').fill('10.0.0.3');
	await first.keyboard.press('Tab');
	await first.getByRole('button', { name: 'Ping', exact: true }).click();
	await answered(first, 2);
	const station = first.locator('.stations tr', { hasText: '10.0.0.3' });
	await station.waitFor();
});

await test('an address that is none is refused', async () => {
	const page = await open(await start());
	await page.locator('.lan summary').click();
	await page.locator('.target').fill('10.0.0.256');
	await page.getByRole('button', { name: 'Ping', exact: true }).click();
	const alert = page.locator('.lan [role=alert]');
	await alert.filter({ hasText: "'10.0.0.256' is not an IPv4" }).waitFor();
});

done();
