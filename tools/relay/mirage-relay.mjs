#!/usr/bin/env node
// SPDX-License-Identifier: ISC
// mirage-relay: networks of programs in browsers meet the world.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Relay } from './src/relay.js';

const USAGE = `usage: mirage-relay [OPTION]...

Connects the networks of programs in browsers to the world: --net NAME=ws://…
there is an Ethernet port of the relay here, which forwards frames between its
clients and a network behind them.

  --net URI           that network: (slirp:)
    slirp:              NAT, DHCP and a name server, no privileges needed
    slirp:,hostfwd=tcp::8080-:80  and a port of this machine is a client's
    tap:NAME            the tap interface NAME of this machine
    unix:PATH[,listen][,connect]  a stream socket with QEMU's framing
  --listen ADDRESS:PORT  where clients connect (127.0.0.1:8086); port 0 is any
  --origin ORIGIN     a page's origin that may connect, such as
                      https://example.org; may be repeated; * is any. Without it
                      pages of this machine may. Who sends none always may.
  --max-clients N     clients at a time (16)
  --rate N            frames per second of a client (50000)
  --mtu N             bytes of a frame without its header (1500)
  --help              this text
  --version           the version

SIGUSR1 prints the counters; so does the end, by SIGINT or SIGTERM.
`;

const OPTIONS = {
	net: { type: 'string', default: 'slirp:' },
	listen: { type: 'string', default: '127.0.0.1:8086' },
	origin: { type: 'string', multiple: true, default: [] },
	'max-clients': { type: 'string', default: '16' },
	rate: { type: 'string', default: '50000' },
	mtu: { type: 'string', default: '1500' },
	help: { type: 'boolean' },
	version: { type: 'boolean' },
};

class Mistake extends Error {}

function log(text) {
	process.stderr.write(`mirage-relay: ${text}\n`);
}

function number(values, name, min, max) {
	const value = Number(values[name]);
	if (/^\d+$/.test(values[name]) && value >= min && value <= max) return value;
	throw new Mistake(
		`--${name} ${values[name]}: give a number from ${min} to ${max}`
	);
}

function address(text) {
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
	const port = Number(match?.[3]);
	if (match && port < 65536) return { host: match[1] ?? match[2], port };
	throw new Mistake(
		`--listen ${text}: give an address and a port, such as 127.0.0.1:8086`
	);
}

function options() {
	let values;
	try {
		({ values } = parseArgs({ options: OPTIONS }));
	} catch (error) {
		throw new Mistake(error.message);
	}
	return values;
}

function version() {
	const about = new URL('./package.json', import.meta.url);
	return JSON.parse(readFileSync(about)).version;
}

function printCounters(relay) {
	for (const [name, value] of Object.entries(relay.counters))
		process.stderr.write(`${name} ${value}\n`);
}

async function serve(values) {
	const relay = new Relay({
		...address(values.listen),
		net: values.net,
		origins: values.origin,
		maxClients: number(values, 'max-clients', 1, 4096),
		rate: number(values, 'rate', 1, 10000000),
		mtu: number(values, 'mtu', 68, 65521),
		log,
	});
	const signal = new Promise((resolve) => {
		process.once('SIGINT', resolve);
		process.once('SIGTERM', resolve);
	});
	try {
		await relay.start();
		process.on('SIGUSR1', () => printCounters(relay));
		process.stdout.write(`${relay.address} is a port of ${values.net}\n`);
		await signal;
	} finally {
		await relay.stop();
	}
	printCounters(relay);
}

async function main() {
	const values = options();
	if (values.help) process.stdout.write(USAGE);
	else if (values.version) process.stdout.write(`mirage-relay ${version()}\n`);
	else await serve(values);
	return 0;
}

function failed(error) {
	const mistake = error instanceof Mistake;
	const inUse =
		error.code === 'EADDRINUSE'
			? '; end that program, or give another port with --listen'
			: '';
	log(error.message + inUse + (mistake ? '; --help tells more' : ''));
	return mistake ? 2 : 1;
}

process.exitCode = await main().catch(failed);
