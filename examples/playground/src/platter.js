// SPDX-License-Identifier: ISC
// What the page knows of a node's disk: what the program sees, what would be there
// after a loss of power, and what has happened to each sector.

export const SECTOR_BYTES = 512;

/** The state of a sector, from the least news to the most. */
export const EMPTY = 0; // zeroes
export const OLD = 1; // content from before
export const READ = 2;
export const CACHED = 3; // written, and only in the cache of the disk
export const STORED = 4; // written, and safe
export const LOST = 5; // written, and lost with the power

/** Events: `change`, and `disk` with the type of what the disk did. */
export class Platter extends EventTarget {
	constructor(content) {
		super();
		this.load(content);
	}

	get sectors() {
		return this.states.length;
	}

	/** A disk as it is when it is opened. */
	load(content) {
		this.loads = (this.loads ?? 0) + 1;
		this.content = content;
		this.stored = content.slice();
		this.states = new Uint8Array(content.length / SECTOR_BYTES);
		this.writes = new Uint16Array(this.states.length);
		this.last = null;
		this.settle();
	}

	/** Forgets what has happened, for another run. */
	settle() {
		for (let i = 0; i < this.sectors; i++)
			this.states[i] = this.bytes(i).some((byte) => byte) ? OLD : EMPTY;
		this.writes.fill(0);
		this.changed();
	}

	bytes(sector) {
		const at = sector * SECTOR_BYTES;
		return this.content.subarray(at, at + SECTOR_BYTES);
	}

	/** What is there after a loss of power. */
	storedBytes(sector) {
		const at = sector * SECTOR_BYTES;
		return this.stored.subarray(at, at + SECTOR_BYTES);
	}

	changed() {
		this.dispatchEvent(new Event('change'));
	}

	each(offset, length, act) {
		const end = (offset + length) / SECTOR_BYTES;
		for (let i = offset / SECTOR_BYTES; i < end; i++) act(i);
	}

	// ------------------------------------------------- Events of the disk

	on({ type, offset, length, bytes }) {
		if (type === 'read') this.read(offset, length);
		else if (type === 'written') this.written(offset, bytes);
		else if (type === 'stored') this.store(offset, length);
		else if (type === 'content') this.load(bytes);
		this.dispatchEvent(new CustomEvent('disk', { detail: type }));
		this.changed();
	}

	read(offset, length) {
		this.each(offset, length, (i) => {
			if (this.states[i] < READ) this.states[i] = READ;
		});
	}

	written(offset, bytes) {
		this.content.set(bytes, offset);
		this.each(offset, bytes.length, (i) => {
			this.states[i] = CACHED;
			this.writes[i]++;
			this.last = i;
		});
	}

	store(offset, length) {
		const end = offset + length;
		this.stored.set(this.content.subarray(offset, end), offset);
		this.each(offset, length, (i) => (this.states[i] = STORED));
	}

	/** Returns how many sectors have lost what was written. */
	losePower() {
		let n = 0;
		for (let i = 0; i < this.sectors; i++) {
			if (this.states[i] !== CACHED) continue;
			this.states[i] = LOST;
			n++;
		}
		this.content.set(this.stored);
		this.changed();
		return n;
	}

	/** How many sectors are in each state. */
	counts() {
		const counts = new Array(LOST + 1).fill(0);
		for (const state of this.states) counts[state]++;
		return counts;
	}

	/** In how many sectors the two disks are the same. Plain loops: it is a lot. */
	same({ content }) {
		const length = Math.min(this.content.length, content.length);
		let n = 0;
		for (let from = 0; from < length; from += SECTOR_BYTES) {
			let i = from;
			while (i < from + SECTOR_BYTES && this.content[i] === content[i]) i++;
			n += i === from + SECTOR_BYTES;
		}
		return n;
	}
}

/** A disk of text, so that a sector tells which one it is. */
export function sampleDisk(sizeBytes) {
	const content = new Uint8Array(sizeBytes);
	const encoder = new TextEncoder();
	for (let i = 0; i * SECTOR_BYTES < sizeBytes; i++) {
		const line = `This is sector ${i}. A sector is 512 bytes. `;
		const text = line.repeat(SECTOR_BYTES).slice(0, SECTOR_BYTES - 1);
		content.set(encoder.encode(text + '\n'), i * SECTOR_BYTES);
	}
	return content;
}
