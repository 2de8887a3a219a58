// SPDX-License-Identifier: ISC
// unix:PATH in Node, as backends/unix/net_stream.c has it: a socket in the file
// system with QEMU's stream framing, for one peer at a time. Whoever comes first
// listens, who comes second connects, and each keeps its part.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { Backoff } from './backoff.js';
import { errorOf } from './error-of.js';
import { EACCES, EINVAL, EIO, ENODEV, MirageError } from './errors.js';
import { Stream } from './net-stream.js';

const SUFFIX_BYTES = 9;
const PATH_MAX_BYTES = 107 - SUFFIX_BYTES;
/** Others may come and go at the same path while we try. */
const TRIES = 8;
const BACKLOG = 4;
/** In which a peer that has left is found out. */
const NOTICE_MS = 50;

function hostError(code) {
	return Object.assign(new Error(code), { code });
}

function socketFile(path) {
	return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Whether they are the same file: numbers of files are used again, hence the
 *  time. */
function same(a, b) {
	return (
		a?.isSocket() &&
		a.dev === b.dev &&
		a.ino === b.ino &&
		a.mtimeNs === b.mtimeNs
	);
}

/** Resolves with a socket, or with what the host says as a text. */
function connect(path) {
	return new Promise((resolve) => {
		const socket = net.connect({ path });
		socket.once('error', (error) => resolve(error.code));
		socket.once('connect', () => {
			socket.removeAllListeners('error');
			resolve(socket);
		});
	});
}

function listening(server, path) {
	return new Promise((resolve, reject) => {
		server.once('listening', resolve);
		server.once('error', reject);
		server.listen({ path, backlog: BACKLOG });
	});
}

/** Takes `dead` away from `path`. What is not that is put back: then somebody was
 *  faster, as the next link finds out. */
function clear(path, dead) {
	const aside = `${path}.${randomBytes(4).toString('hex')}`;
	try {
		fs.renameSync(path, aside);
	} catch (error) {
		if (error.code === 'ENOENT') return;
		throw error;
	}
	try {
		if (!same(socketFile(aside), dead)) fs.linkSync(aside, path);
	} finally {
		fs.unlinkSync(aside);
	}
}

class Wire {
	constructor(port, path) {
		this.port = port;
		this.path = path;
		this.backoff = new Backoff();
		this.stream = null;
	}

	// --------------------------------------------------------- Meeting

	/** One try. Returns false when it is worth another. */
	async meet(part) {
		const file = socketFile(this.path);
		if (file && !file.isSocket()) throw hostError('ENOTSOCK');
		const found = await connect(this.path);
		if (typeof found !== 'string' && part !== 'listen') {
			this.attach(found);
			return true;
		}
		if (typeof found !== 'string') found.destroy();
		if (typeof found !== 'string' || (found === 'EAGAIN' && part === 'listen'))
			throw hostError('EADDRINUSE');
		if (!['ECONNREFUSED', 'ENOENT', 'EAGAIN'].includes(found))
			throw hostError(found);
		if (part !== 'connect' && found !== 'EAGAIN') return this.listen(file);
		this.retry();
		return true;
	}

	attach(socket) {
		if (this.closed) {
			socket.destroy();
			return;
		}
		this.stream = new Stream(this.port, socket, (why, heard) =>
			this.gone(why, heard)
		);
		this.port.link(true);
	}

	gone(why = 'connection lost', heard) {
		this.stream = null;
		if (heard) this.backoff.reset();
		this.port.log(2, `${this.path}: the peer has gone: ${why}`);
		this.port.link(false);
		if (!this.server) this.retry();
		else this.welcome();
	}

	retry() {
		if (this.closed) return;
		this.timer = setTimeout(() => this.again(), this.backoff.next());
	}

	async again() {
		const found = await connect(this.path);
		if (typeof found !== 'string') {
			this.attach(found);
			return;
		}
		this.port.log(3, `${this.path}: ${found}, trying again`);
		this.retry();
	}

	// ------------------------------------------------------- Listening

	/** Listens under another name, and only then takes the path: a socket file
	 *  that refuses is a dead one, never one that is being made. */
	async listen(dead) {
		const temporary = `${this.path}.${randomBytes(4).toString('hex')}`;
		const server = net.createServer({ pauseOnConnect: true });
		try {
			await listening(server, temporary);
			this.file = socketFile(temporary);
			if (dead) clear(this.path, dead);
			fs.linkSync(temporary, this.path);
		} catch (error) {
			server.close();
			if (error.code === 'EEXIST') return false;
			// What Node says of a directory that is not there, too.
			if (error.code === 'EACCES' && !fs.existsSync(dirname(this.path)))
				throw hostError('ENOENT');
			throw error;
		} finally {
			fs.rmSync(temporary, { force: true });
		}
		server.on('connection', (socket) => this.incoming(socket));
		server.on('error', (error) =>
			this.port.log(1, `${this.path}: no peer: ${error.message}`)
		);
		this.server = server;
		return true;
	}

	/** A peer that left is found out soon; the next one waits for that. */
	incoming(socket) {
		if (this.next || this.closed) {
			this.refuse(socket);
			return;
		}
		this.next = socket;
		if (!this.stream) this.welcome();
		else this.timer = setTimeout(() => this.refuse(), NOTICE_MS);
	}

	welcome() {
		const socket = this.next;
		clearTimeout(this.timer);
		this.next = null;
		this.told = false;
		if (socket) this.attach(socket);
	}

	refuse(socket = this.next) {
		if (socket === this.next) this.next = null;
		socket.destroy();
		if (this.told || this.closed) return;
		this.told = true;
		this.port.log(
			1,
			`${this.path}: refused a second peer, there is room for one`
		);
	}

	// ---------------------------------------------------------- Driver

	send(bytes) {
		return this.stream.send(bytes);
	}

	async close() {
		this.closed = true;
		clearTimeout(this.timer);
		this.next?.destroy();
		this.server?.close();
		if (this.server && same(socketFile(this.path), this.file))
			fs.rmSync(this.path, { force: true });
		await this.stream?.close();
	}

	destroy() {
		this.stream?.destroy();
	}
}

function failure(path, { code, message }) {
	switch (code) {
		case 'ENOTSOCK':
			return new MirageError(
				EINVAL,
				`${path} is no socket; remove it or give another path`
			);
		case 'EPROTOTYPE':
			return new MirageError(
				EINVAL,
				`${path} is no stream socket; give another path`
			);
		case 'EADDRINUSE':
			return new MirageError(
				EIO,
				`somebody listens at ${path} already; leave out 'listen' to ` +
					'connect to it'
			);
		case 'ENOENT':
		case 'ENOTDIR':
			return new MirageError(
				ENODEV,
				`the directory of ${path} does not exist; make it first`
			);
		case 'EACCES':
		case 'EPERM':
			return new MirageError(
				EACCES,
				`no permission for ${path}; give a path in a directory of ` +
					"yours, or become the owner's user"
			);
		default:
			return new MirageError(
				errorOf({ code }),
				`${path}: ${message}`
			);
	}
}

function partOf({ path, listen, connect: connects }) {
	const bytes = Buffer.byteLength(path);
	if (bytes === 0 || bytes > PATH_MAX_BYTES)
		throw new MirageError(
			EINVAL,
			`the path of the socket has ${bytes} bytes; give 1 to ` +
				`${PATH_MAX_BYTES}, such as unix:/tmp/wire`
		);
	if (listen && connects)
		throw new MirageError(
			EINVAL,
			"'listen' and 'connect' exclude each other; leave one out, or both"
		);
	return listen ? 'listen' : connects ? 'connect' : 'either';
}

export async function open(port, options) {
	const { path } = options;
	const part = partOf(options);
	const wire = new Wire(port, path);
	try {
		for (let i = 0; i < TRIES; i++) if (await wire.meet(part)) return wire;
	} catch (error) {
		throw failure(path, error);
	}
	throw failure(path, hostError('EEXIST'));
}
