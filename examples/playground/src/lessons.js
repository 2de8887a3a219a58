// SPDX-License-Identifier: ISC
// Four small lessons. Each step has a button that does it, and is ticked off when
// what it is about has happened, whoever made it happen.

import { h } from './dom.js';

/** A step: what to do, the event that ticks it, and what the button calls. */
const LESSONS = [
	{
		title: '1. Say hello',
		intro:
			'A program that is its own operating system: it prints one line ' +
			'and ends. There is no shell, no process and no file behind it.',
		steps: [
			{
				text: 'Start hello. It gets a Worker of the browser as its machine.',
				done: 'started:hello',
				label: 'Start hello',
				act: (play) => play.start('hello'),
			},
			{
				text:
					'Read its terminal. The program ended by itself: nothing was ' +
					'left that could call it.',
				done: 'ended:hello',
			},
			{
				text:
					'Start ticker and open "Timers and counters". See how late ' +
					'each timer is: never early, that is a promise.',
				done: 'wake',
				label: 'Start ticker',
				act: (play) => play.start('ticker'),
			},
		],
	},
	{
		title: '2. Answer a ping, then lose half of the packets',
		intro:
			'A network host needs very little: here 225 lines of C answer ARP ' +
			'("who has this address?") and ICMP echo ("are you there?").',
		steps: [
			{
				text: 'Start ping. It waits for frames.',
				done: 'started:ping',
				label: 'Start ping',
				act: (play) => play.start('ping'),
			},
			{
				text:
					'Send it pings. In its Network view the first frames are ARP; ' +
					'click a line to see every field.',
				done: 'ping:good',
				label: 'Ping it',
				act: (play) => play.ping(),
			},
			{
				text:
					'Turn on its faults: 50 % of the frames that arrive are lost. ' +
					'Which pings are missing? Why is it every second one?',
				done: 'ping:lost',
				label: 'Lose half',
				act: (play) => play.fault('ping', 'service'),
			},
			{
				text:
					'Save what happened as a pcap file, and open it in ' +
					'Wireshark. Then open this page in a second tab: it is on ' +
					'the same LAN, and its pings are answered too.',
				done: 'saved',
			},
		],
	},
	{
		title: '3. Write to a disk, pull the plug',
		intro:
			'A disk has a cache. What a program writes is safe only after a ' +
			'flush; that is true of your laptop too.',
		steps: [
			{
				text:
					'Start disk. It copies one disk to another, here in slow ' +
					'motion. Watch the map: the newest sectors are in the cache.',
				done: 'written',
				label: 'Start disk',
				act: (play) => play.start('disk'),
			},
			{
				text:
					'Pull the plug before it is done. What was in the cache is ' +
					'lost (✕): click such a sector and read it.',
				done: 'unplugged:disk',
				label: 'Pull the plug',
				act: (play) => play.unplug('disk'),
			},
			{
				text:
					'Run it again and let it end. It flushes last, so all of it ' +
					"is safe: 'to' equals 'from'.",
				done: 'flushed',
				label: 'Run it again',
				act: (play) => play.again('disk'),
			},
			{
				text:
					'Turn on the faults of \'to\' and run once more: a request ' +
					'fails, and the program says which. Half a copy is no success.',
				done: 'failed:disk',
				label: 'Make it fail',
				act: (play) => play.fault('disk', 'to'),
			},
		],
	},
	{
		title: "4. Fetch another node's homepage",
		intro:
			'TCP makes a stream of bytes out of frames that may be lost, and ' +
			'HTTP makes pages out of that. Both are in the program.',
		steps: [
			{
				text: 'Start homepage. It says where its pages are.',
				done: 'started:homepage',
				label: 'Start homepage',
				act: (play) => play.start('homepage'),
			},
			{
				text:
					'Fetch the first page from another node. In the Network view ' +
					'of homepage: who begins (SYN), and who ends (FIN)?',
				done: 'ended:http-get',
				label: 'Fetch it',
				act: (play) => play.start('http-get'),
			},
			{
				text:
					'Turn on the faults of homepage, so that half of the frames ' +
					'to it are lost, and run http-get again. It takes longer, but ' +
					'nothing is missing: what is not acknowledged is sent again.',
				done: 'planned:homepage',
				label: 'Lose half',
				act: (play) => play.fault('homepage', 'service'),
			},
		],
	},
];

export class Lessons {
	/** `play` does what the buttons say; see playground.js. */
	constructor(play) {
		this.waiting = new Map(); // items by the event that ticks them
		this.element = h(
			'div',
			{ class: 'lessons' },
			LESSONS.map((lesson, i) => this.lesson(lesson, play, i === 0))
		);
	}

	lesson({ title, intro, steps }, play, open) {
		return h(
			'details',
			{ class: 'lesson', open },
			h('summary', {}, h('h3', { text: title })),
			h('p', { text: intro }),
			h(
				'ol',
				{},
				steps.map((step) => this.step(step, play))
			)
		);
	}

	step({ text, done, label, act }, play) {
		const button = label
			? h('button', { text: label, on: { click: () => act(play) } })
			: null;
		const item = h(
			'li',
			{ 'data-done': done },
			h('span', { text }),
			button
		);
		if (done)
			this.waiting.set(done, [...(this.waiting.get(done) ?? []), item]);
		return item;
	}

	/** Opens the next lesson when this one is done. */
	goOn(lesson) {
		const open = lesson.querySelectorAll('li[data-done]:not(.done)');
		if (open.length === 0 && lesson.nextSibling)
			lesson.nextSibling.open = true;
	}

	/** Something has happened. */
	on(event) {
		for (const item of this.waiting.get(event) ?? []) {
			item.classList.add('done');
			if (item.querySelector('.tick')) continue;
			item.prepend(
				h('b', { class: 'tick', text: '✓', 'aria-label': 'done: ' })
			);
			this.goOn(item.closest('.lesson'));
		}
	}
}
