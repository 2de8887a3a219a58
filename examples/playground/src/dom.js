// SPDX-License-Identifier: ISC
// Elements in one expression, and texts that several views share.

/**
 * An element: `on` holds listeners, `class` and `text` are what they say, other
 * properties are attributes; false, null and undefined leave them out.
 */
export function h(tag, properties = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties)) {
		if (name === 'on')
			for (const [event, listener] of Object.entries(value))
				element.addEventListener(event, listener);
		else if (name === 'text') element.textContent = value;
		else if (name === 'class') element.className = value;
		else if (value === true) element.setAttribute(name, '');
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value);
	}
	element.append(...children.flat().filter((child) => child != null));
	return element;
}

/** Writes a text only when it changes, so that screen readers stay calm. */
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

export function number(value) {
	return value.toLocaleString('en');
}

export function bytesText(bytes) {
	const units = ['bytes', 'KiB', 'MiB', 'GiB'];
	let unit = 0;
	for (; bytes >= 1024 && bytes % 1024 === 0 && unit < 3; unit++) bytes /= 1024;
	return `${number(bytes)} ${units[unit]}`;
}

export function msText(ms) {
	if (ms < 10) return `${ms.toFixed(2)} ms`;
	return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function hex(value, digits) {
	return value.toString(16).padStart(digits, '0');
}

/** Offers bytes to the browser as a file to keep. */
export function download(name, bytes, type) {
	const url = URL.createObjectURL(new Blob([bytes], { type }));
	h('a', { href: url, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * Rows of a hex dump: offset, 16 bytes, characters. `mark(i)` names the class of
 * byte i, or nothing.
 */
export function hexDump(bytes, { base = 0, digits = 4, mark = () => '' } = {}) {
	const dump = h('div', { class: 'hex', role: 'presentation' });
	for (let at = 0; at < bytes.length; at += 16) {
		const row = h('div', {}, h('i', { text: hex(base + at, digits) }));
		const text = h('b');
		for (let i = at; i < at + 16; i++) {
			const there = i < bytes.length;
			const byte = bytes[i];
			const printable = byte >= 0x20 && byte < 0x7f;
			const kind = (there && mark(i)) || null;
			row.append(
				h('span', { class: kind, text: there ? hex(byte, 2) : '  ' })
			);
			const char = printable ? String.fromCharCode(byte) : '·';
			text.append(h('span', { class: kind, text: there ? char : ' ' }));
		}
		row.append(text);
		dump.append(row);
	}
	return dump;
}
