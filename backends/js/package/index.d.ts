// SPDX-License-Identifier: ISC
// mirage-js: loads programs of Mirage for C, in Node, in pages and in Workers.

/** Where a program's console comes out, and log lines: perhaps before createMirage
 *  has resolved. */
export interface MirageConsole {
	/** Returns how many bytes it took: nothing means all; after fewer call the
	 *  instance's `writable`. A negative number: nobody will read any more. */
	write(bytes: Uint8Array): number | void;
	/** One line, without a newline; 0 error, 1 warning, 2 information, 3 debug. */
	log?(level: number, line: string): void;
	/** At the end of the program: resolves when all is written. */
	drain?(): void | Promise<void>;
}

/** An error whose `mirage` is a value of `enum mirage_error` of mirage.h. */
export interface MirageError extends Error {
	mirage: number;
}

/** What the driver of a network calls, from events, never inside its own calls. */
export interface NetworkPort {
	/** Whether frames can pass: false until told. */
	link(up: boolean): void;
	/** After a short `send`. */
	writable(): void;
	/** One frame has arrived; the bytes are copied. */
	frame(bytes: Uint8Array): void;
	/** Frames have arrived, each behind its length as 4 bytes, big-endian, cut
	 *  anywhere. Returns false when they make no sense. */
	framed(bytes: Uint8Array): boolean;
	/** `n` things have arrived that are no frames. */
	invalid(n: number): void;
	/** `n` frames that `send` had taken were lost. */
	unsent(n: number): void;
	log(level: number, text: string): void;
}

export interface NetworkOptions {
	name: string;
	scheme: string;
	path: string;
	mtu: number;
	mac: Uint8Array;
	listen: boolean;
	connect: boolean;
	batch: boolean;
}

export interface Network {
	/** The port may be used from here on. */
	begin?(): void;
	/** Frames, each behind its length as 4 bytes, big-endian; valid during the
	 *  call. Returns how many bytes it took; after fewer call `writable`. */
	send(frames: Uint8Array): number;
	/** Sends what was taken, and resolves. */
	close(): void | Promise<void>;
}

export interface NetworkDriver {
	/** As behind the path of a URI: 'mtu=9000'. */
	options?: string;
	open(
		port: NetworkPort,
		options: NetworkOptions
	): Network | Promise<Network>;
}

/** Answers a request, once: with what went wrong, or nothing. */
export type BlockDone = (error?: Error | null) => void;

export interface BlockOptions {
	name: string;
	scheme: string;
	path: string;
	sectorBytes: number;
	readOnly: boolean;
	/** Of a disk to be made; 0 leaves it to the driver. */
	sizeBytes: number;
}

/** A disk. Absent functions are absent capabilities. */
export interface Block {
	sizeBytes: number;
	/** Each request is answered inside its call: `memory` is the program's own
	 *  then, else a buffer that is the driver's until it has answered. */
	immediate?: boolean;
	/** Calls the port's `resized`. */
	resizes?: boolean;
	read(
		offset: number,
		memory: Uint8Array,
		at: number,
		length: number,
		done: BlockDone
	): void;
	write(
		offset: number,
		memory: Uint8Array,
		at: number,
		length: number,
		done: BlockDone
	): void;
	flush?(done: BlockDone): void;
	discard?(offset: number, length: number, done: BlockDone): void;
	writeZeroes?(offset: number, length: number, done: BlockDone): void;
	close(): void | Promise<void>;
}

/** What the driver of a disk calls, from events, never inside its own calls. */
export interface BlockPort {
	/** The disk has another size now, of whole sectors. */
	resized(sizeBytes: number): void;
	log(level: number, text: string): void;
}

export interface BlockDriver {
	/** As behind the path of a URI: 'ro,sector=4096'. */
	options?: string;
	open(options: BlockOptions, port: BlockPort): Block | Promise<Block>;
}

export interface MirageOptions {
	/** The program: its address (a path in Node), bytes, module or response. */
	wasm: string | URL | BufferSource | WebAssembly.Module | Response;
	/** The program's arguments, without its name. */
	args?: string[];
	/** The program's name, for its messages. */
	name?: string;
	/** What is behind the program's networks: a URI or a driver, by name. */
	networks?: Record<string, string | NetworkDriver>;
	blocks?: Record<string, string | BlockDriver>;
	/** In Node the standard streams, in browsers the developer's console. */
	console?: MirageConsole;
	/** Told when a timer was due and when it ran, in milliseconds since the start. */
	onWake?(deadlineMs: number, nowMs: number): void;
	/** Functions that the program's own C imports from the module env; they must
	 *  not call the program. */
	imports?(
		instance: MirageInstance
	): Record<string, (...args: number[]) => number | void>;
	/** Node: whether SIGINT and SIGTERM ask the program to end (true). */
	signals?: boolean;
	/** Browsers: runs the program in a Worker of its own (true) or in one that runs
	 *  mirage-js/worker. Devices are URIs then. */
	worker?: boolean | Worker;
}

export interface MirageInstance {
	/** Resolves with the program's status when it has ended; 134 when it died. */
	readonly exited: Promise<number>;
	/** What the program died of, or null. */
	readonly trap: unknown;
	/** Bytes for a console that was given; none are the end of its input. */
	input(bytes: Uint8Array): void;
	/** The console that was given takes bytes again. */
	writable(): void;
	/** Asks the program to end. */
	shutdown(): void;
	/** Tells the program that it has slept. */
	resumed(): void;
	/** Gives a device that was started with `--fault NAME=PLAN` another plan. Throws
	 *  when something is wrong with it; not of a program in a Worker. */
	fault?(name: string, plan: string): void;
	/** The counters of open devices, named as in mirage.h, with their `name`; not of
	 *  a program in a Worker. */
	counters?(): Array<{ name: string } & Record<string, number | string>>;
}

/** Starts a program. Rejects when it cannot be loaded, with the reason. */
export function createMirage(options: MirageOptions): Promise<MirageInstance>;
