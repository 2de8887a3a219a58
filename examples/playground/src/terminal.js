// SPDX-License-Identifier: ISC
// A node's console on the page: what it prints, and its log lines in colour.

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { h } from './dom.js';
import { colour, offLook, onLook } from './theme.js';

const NEWLINE = 10;
const LEVELS = ['\x1b[31m', '\x1b[33m', '\x1b[36m', '\x1b[2m'];

export class TerminalView {
	/** `onInput(bytes)` gets what is typed. */
	constructor(label, onInput) {
		this.element = h('div', { class: 'console' });
		this.xterm = new Terminal({
			convertEol: true,
			cursorBlink: false,
			fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, monospace',
			screenReaderMode: true,
			scrollback: 5000,
		});
		this.fitter = new FitAddon();
		this.xterm.loadAddon(this.fitter);
		// Tab leaves the terminal, as it leaves everything else.
		this.xterm.attachCustomKeyEventHandler(({ key }) => key !== 'Tab');
		const encoder = new TextEncoder();
		this.xterm.onData((text) => onInput(encoder.encode(text)));
		this.label = label;
		this.look = () => this.applyLook();
	}

	/** Once the element is in the page. */
	open() {
		this.xterm.open(this.element);
		this.xterm.textarea.setAttribute('aria-label', this.label);
		this.observer = new ResizeObserver(() => this.fit());
		this.observer.observe(this.element);
		onLook(this.look);
	}

	applyLook() {
		const root = getComputedStyle(document.documentElement);
		this.xterm.options.fontSize = parseFloat(root.fontSize) * 0.85;
		this.xterm.options.theme = {
			background: colour('screen'),
			foreground: colour('screen-text'),
			cursor: colour('screen-text'),
			selectionBackground: colour('selection'),
			red: colour('bad'),
			green: colour('good'),
			yellow: colour('warn'),
			cyan: colour('accent'),
		};
		this.fit();
	}

	fit() {
		if (this.element.clientWidth > 0) this.fitter.fit();
	}

	/** `taken` is called when the bytes are on the screen. */
	write(bytes, taken) {
		this.inLine = bytes.at(-1) !== NEWLINE;
		this.xterm.write(bytes, taken);
	}

	log(level, text) {
		this.line(LEVELS[level] ?? '', text);
	}

	/** A line of the page's own. */
	say(text) {
		this.line('\x1b[33;3m', text);
	}

	/** A whole line, whatever was printed before. */
	line(style, text) {
		const begin = this.inLine ? '\r\n' : '';
		this.inLine = false;
		this.xterm.write(`${begin}${style}${text}\x1b[0m\r\n`);
	}

	/** All of it, as it was printed. */
	text() {
		const { active } = this.xterm.buffer;
		let text = '';
		for (let i = 0; i < active.length; i++) {
			const goesOn = active.getLine(i + 1)?.isWrapped ?? false;
			text += active.getLine(i).translateToString(!goesOn);
			if (!goesOn) text += '\n';
		}
		return text;
	}

	close() {
		offLook(this.look);
		this.observer?.disconnect();
		this.xterm.dispose();
	}
}
