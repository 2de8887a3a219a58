// SPDX-License-Identifier: ISC
// Ethernet frames in a stream of bytes as core/framing.h has them: each behind its
// length of 4 bytes, big-endian.

export const HEADER_BYTES = 4;
/** Who announces a longer frame has lost his place in the stream. */
export const FRAME_MAX_BYTES = 69632;

function lengthAt(bytes, at) {
	return (
		((bytes[at] << 24) |
			(bytes[at + 1] << 16) |
			(bytes[at + 2] << 8) |
			bytes[at + 3]) >>>
		0
	);
}

export function putLength(bytes, at, length) {
	bytes[at] = 0;
	bytes[at + 1] = length >>> 16;
	bytes[at + 2] = length >>> 8;
	bytes[at + 3] = length;
}

/** Calls `frame(bytes)` for each frame that `queue` holds to its end, while it
 *  returns true. Returns the bytes of the queue that these were. The views end with
 *  the call. */
export function eachFrame(queue, frame) {
	let at = 0;
	while (at + HEADER_BYTES <= queue.length) {
		const end = at + HEADER_BYTES + lengthAt(queue, at);
		if (end > queue.length || !frame(queue.subarray(at + HEADER_BYTES, end)))
			break;
		at = end;
	}
	return at;
}

/** How many whole frames `queue` holds, or -1 when that is not all it holds. */
export function countFrames(queue) {
	let n = 0;
	let at = 0;
	while (at + HEADER_BYTES <= queue.length) {
		const length = lengthAt(queue, at);
		if (length > FRAME_MAX_BYTES) return -1;
		at += HEADER_BYTES + length;
		n++;
	}
	return at === queue.length ? n : -1;
}

/** Takes the frames out of a stream that comes in pieces cut anywhere. */
export class Deframer {
	/** `onFrame(bytes)` gets a view that ends with the call. */
	constructor(onFrame) {
		this.onFrame = (frame) => {
			onFrame(frame);
			return true;
		};
		this.rest = new Uint8Array(HEADER_BYTES + FRAME_MAX_BYTES);
		this.held = 0; // bytes of `rest`
	}

	/** Returns false when the bytes make no sense; nothing does after that. */
	push(bytes) {
		let from = 0;
		while (this.held > 0 && from < bytes.length) {
			const part = bytes.subarray(from, from + this.missing());
			this.rest.set(part, this.held);
			this.held += part.length;
			from += part.length;
			if (this.broken(this.rest, this.held)) return false;
			if (this.held < HEADER_BYTES || this.missing() > 0) continue;
			this.onFrame(this.rest.subarray(HEADER_BYTES, this.held));
			this.held = 0;
		}
		const whole = bytes.subarray(from);
		const tail = whole.subarray(eachFrame(whole, this.onFrame));
		if (this.broken(tail, tail.length)) return false;
		this.rest.set(tail, this.held);
		this.held += tail.length;
		return true;
	}

	/** Bytes up to the end of the header, or of the frame. */
	missing() {
		if (this.held < HEADER_BYTES) return HEADER_BYTES - this.held;
		return HEADER_BYTES + lengthAt(this.rest, 0) - this.held;
	}

	broken(bytes, length) {
		return length >= HEADER_BYTES && lengthAt(bytes, 0) > FRAME_MAX_BYTES;
	}
}
