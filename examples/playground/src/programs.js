// SPDX-License-Identifier: ISC
// The programs that a student can start, and what they want to have. In arguments
// {ip} stands for an address that nobody has, and {homepage} for that of a homepage.

/** Of addresses of nodes: the first program on the LAN has 10.0.0.2. */
export const NETWORK = '10.0.0.';
export const DISK_BYTES = 1 << 20;

export const PROGRAMS = [
	{
		name: 'hello',
		key: '1',
		about: 'Prints one line and ends.',
		args: '',
		networks: [],
		disks: [],
	},
	{
		name: 'ticker',
		key: '2',
		about: 'Prints a line every 100 ms: timers and clocks.',
		args: '50',
		networks: [],
		disks: [],
	},
	{
		name: 'disk',
		key: '3',
		about: 'Copies one disk to another, then flushes.',
		args: '',
		networks: [],
		disks: ['from', 'to'],
	},
	{
		name: 'ping',
		key: '4',
		about: 'Answers pings: a whole network host in 225 lines of C.',
		args: '{ip}',
		networks: ['service'],
		disks: [],
	},
	{
		name: 'homepage',
		key: '5',
		about: 'Serves a small site by HTTP, from its own TCP/IP.',
		args: '--ipv4 {ip}/24',
		networks: ['service'],
		disks: [],
	},
	{
		name: 'http-get',
		key: '6',
		about: 'Fetches a page and prints it.',
		args: '--ipv4 {ip}/24 http://{homepage}/',
		networks: ['service'],
		disks: [],
	},
	{
		name: 'udp-echo',
		key: '7',
		about: 'Sends every datagram back to where it came from.',
		args: '--ipv4 {ip}/24',
		networks: ['service'],
		disks: [],
	},
];

/** The address in the arguments of a program: its own comes first. */
export function addressIn(args) {
	return /\b10\.0\.0\.\d+\b/.exec(args)?.[0] ?? null;
}

/** A program of the student's own may open any of the usual names. */
export function ownProgram(name, bytes) {
	return {
		name,
		bytes,
		about: 'A program of your own.',
		args: '',
		networks: ['service'],
		disks: ['from', 'to'],
	};
}

/** Where the program is, from wherever the page is. */
export function programUrl({ name }) {
	return new URL(`programs/${name}.wasm`, document.baseURI).href;
}

/**
 * The module's bytes. Throws an error for students: what is wrong and what to do.
 */
export async function programBytes(program) {
	if (program.bytes) return program.bytes;
	const url = programUrl(program);
	let response;
	try {
		response = await fetch(url);
	} catch (error) {
		throw new Error(
			`${program.name}.wasm cannot be fetched (${error.message}). ` +
				'Is the server still running? Start it with: make playground'
		);
	}
	const type = response.headers.get('Content-Type') ?? '';
	if (!response.ok || type.startsWith('text/html'))
		throw new Error(
			`${program.name}.wasm is missing on the server ` +
				`(status ${response.status}). Build it with: make playground`
		);
	return response.arrayBuffer();
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** Compiles; a file that is no WebAssembly at all gets plain words. */
export async function compile(program) {
	const bytes = await programBytes(program);
	const head = new Uint8Array(bytes, 0, Math.min(4, bytes.byteLength));
	if (!MAGIC.every((byte, i) => head[i] === byte))
		throw new Error(
			`${program.name}.wasm is not a WebAssembly file: it does not begin ` +
				'with the bytes 00 61 73 6d. Build the program again'
		);
	try {
		return await WebAssembly.compile(bytes);
	} catch (error) {
		throw new Error(
			`${program.name}.wasm is broken: ${error.message}. ` +
				'Build the program again'
		);
	}
}
