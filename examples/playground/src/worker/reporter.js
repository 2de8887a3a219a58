// SPDX-License-Identifier: ISC
// News for the page: gathered for a moment, then sent as one message.

const PERIOD_MS = 40;

export class Reporter {
	constructor() {
		this.events = [];
	}

	add(event) {
		this.events.push(event);
		this.timer ??= setTimeout(() => this.flush(), PERIOD_MS);
	}

	flush() {
		clearTimeout(this.timer);
		this.timer = undefined;
		if (this.events.length === 0) return;
		postMessage({ type: 'events', events: this.events });
		this.events = [];
	}
}
