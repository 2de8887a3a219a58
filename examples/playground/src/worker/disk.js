// SPDX-License-Identifier: ISC
// A disk to watch. Like a real drive it has a cache, which it empties when it is full
// or told to flush, and which forgets everything when the power goes. It is as slow
// as wanted, and says what it does.

const SECTOR_BYTES = 512;
const TICK_MS = 25;

class WatchedDisk {
	constructor(medium, content, { bytesPerSecond, cacheBytes }, report) {
		this.sizeBytes = content.length;
		this.medium = medium;
		this.content = content; // as the program sees it
		this.cached = new Set(); // sectors, the oldest first
		this.cacheSectors = cacheBytes / SECTOR_BYTES;
		this.tickBytes = this.perTick(bytesPerSecond);
		this.report = report;
		this.queue = [];
	}

	/** 0 stands for as fast as it goes. */
	perTick(bytesPerSecond) {
		const sectors = (bytesPerSecond * TICK_MS) / 1000 / SECTOR_BYTES;
		if (bytesPerSecond === 0) return Infinity;
		return Math.max(Math.round(sectors), 1) * SECTOR_BYTES;
	}

	// ---------------------------------------------------------- Requests

	read(offset, memory, at, length, done) {
		this.push({ verb: 'doRead', offset, memory, at, length, done });
	}

	write(offset, memory, at, length, done) {
		this.push({ verb: 'doWrite', offset, memory, at, length, done });
	}

	writeZeroes(offset, length, done) {
		this.push({ verb: 'doZero', offset, length, done });
	}

	flush(done) {
		this.push({ verb: 'doFlush', offset: 0, length: 0, done });
	}

	async close() {
		clearTimeout(this.timer);
		await this.medium.close();
	}

	// ------------------------------------------------------------- Doing

	push(request) {
		this.queue.push(request);
		if (this.tickBytes === Infinity) this.work();
		else this.timer ??= setTimeout(() => this.tick(), TICK_MS);
	}

	tick() {
		this.timer = undefined;
		this.work();
		if (this.queue.length > 0)
			this.timer = setTimeout(() => this.tick(), TICK_MS);
	}

	/** As much as one tick moves, in the order of the requests. */
	work() {
		let left = this.tickBytes;
		while (this.queue.length > 0 && left > 0) {
			const request = this.queue[0];
			const part = Math.min(request.length, left);
			this.attempt(request, part);
			left -= Math.max(part, SECTOR_BYTES);
		}
	}

	attempt(request, part) {
		try {
			const answersLater = this[request.verb](request, part);
			request.offset += part;
			request.at += part;
			request.length -= part;
			if (request.length > 0) return;
			this.queue.shift();
			if (!answersLater) request.done();
		} catch (error) {
			this.queue.shift();
			request.done(error);
		}
	}

	doRead({ offset, memory, at }, length) {
		memory.set(this.content.subarray(offset, offset + length), at);
		this.report({ type: 'read', offset, length });
	}

	doWrite({ offset, memory, at }, length) {
		this.put(offset, memory.slice(at, at + length));
	}

	doZero({ offset }, length) {
		this.put(offset, new Uint8Array(length));
	}

	/** Answers when the cache is empty and the medium has flushed. */
	doFlush({ done }) {
		this.store(this.cached.size);
		this.medium.flush((error) => {
			if (!error) this.report({ type: 'flushed' });
			done(error);
		});
		return true;
	}

	put(offset, bytes) {
		this.content.set(bytes, offset);
		this.report({ type: 'written', offset, bytes });
		for (let i = 0; i < bytes.length; i += SECTOR_BYTES) {
			const sector = (offset + i) / SECTOR_BYTES;
			this.cached.delete(sector);
			this.cached.add(sector);
		}
		this.store(this.cached.size - this.cacheSectors);
	}

	/** Puts the `n` oldest sectors of the cache on the medium, in runs. */
	store(n) {
		const sectors = [...this.cached].slice(0, Math.max(n, 0));
		for (let i = 0; i < sectors.length; ) {
			let run = 1;
			while (sectors[i + run] === sectors[i] + run) run++;
			this.storeRun(sectors[i] * SECTOR_BYTES, run * SECTOR_BYTES);
			i += run;
		}
		for (const sector of sectors) this.cached.delete(sector);
	}

	storeRun(offset, length) {
		let failed;
		this.medium.write(offset, this.content, offset, length, (error) => {
			failed = error;
		});
		if (failed) throw failed;
		this.report({ type: 'stored', offset, length });
	}
}

/** The page keeps what is stored, until it is closed; see node.js. */
function pageMedium(name, ask) {
	return {
		write(offset, bytes, at, length, done) {
			done();
		},
		flush: (done) => ask(name, done),
		close() {},
	};
}

function readAll(medium) {
	const content = new Uint8Array(medium.sizeBytes);
	return new Promise((resolve, reject) =>
		medium.read(0, content, 0, content.length, (error) =>
			error ? reject(error) : resolve(content)
		)
	);
}

/**
 * The driver of disk `name`: `how` has `sizeBytes`, `bytesPerSecond`, `cacheBytes`,
 * and `content` to begin with or the `opfs` path where it lies. `ask(name, done)`
 * waits until the page has all that was reported.
 */
export function watchedDisk(name, how, reporter, ask) {
	const report = (event) => reporter.add({ ...event, name });

	return {
		async open(options, disk) {
			let medium = pageMedium(name, ask);
			let content = how.content;
			if (how.opfs) {
				const { open } = await import('mirage-js/drivers/block-opfs');
				const { opfs: path, sizeBytes } = how;
				medium = await open({ ...options, path, sizeBytes }, disk);
				content = await readAll(medium);
				report({ type: 'content', bytes: content.slice() });
			}
			return new WatchedDisk(medium, content, how, report);
		},
	};
}
