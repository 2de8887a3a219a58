// SPDX-License-Identifier: ISC
// The page, put together.

import '@xterm/xterm/css/xterm.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/node.css';
import './styles/views.css';

import { Bridge } from './bridge.js';
import { h } from './dom.js';
import { Lan } from './lan.js';
import { LanView } from './lan-view.js';
import { Lessons } from './lessons.js';
import { notices } from './notices.js';
import { Pinger } from './pinger.js';
import { Playground } from './playground.js';
import { ownProgram, PROGRAMS } from './programs.js';
import { shortcuts } from './shortcuts.js';
import { nextTheme, onLook, resize, themeName } from './theme.js';

const OWN_KEY = String(PROGRAMS.length + 1);
const at = (id) => document.getElementById(id);

const asked = new URLSearchParams(location.search);
const lanName = asked.get('lan') || 'classroom';
const relay = asked.get('relay');
const lan = new Lan(lanName);
const pinger = new Pinger(lan);
const lanView = new LanView(lan, pinger);
const nodes = at('nodes');
let lessons = null;
const play = new Playground(lan, lanView, nodes, (event) => lessons.on(event));
play.dhcp = relay !== null;
lessons = new Lessons(play);
pinger.addEventListener('result', ({ detail }) =>
	lessons.on(`ping:${detail.state}`)
);

// ------------------------------------------------------------------ Starting

function launcher(program) {
	return h(
		'button',
		{
			class: 'launch',
			'data-start': program.name,
			on: { click: () => play.start(program.name) },
		},
		h('b', { text: program.name }),
		h('span', { text: program.about }),
		h('kbd', { text: program.key, 'aria-label': `key ${program.key}` })
	);
}

const file = h('input', {
	type: 'file',
	id: 'own-file',
	accept: '.wasm',
	class: 'hidden',
	tabindex: '-1',
	'aria-hidden': 'true',
	on: {
		async change() {
			const [chosen] = file.files;
			if (!chosen) return;
			const name = chosen.name.replace(/\.wasm$/, '');
			play.start(ownProgram(name, await chosen.arrayBuffer()));
			file.value = '';
		},
	},
});

const own = h(
	'button',
	{ class: 'launch own', on: { click: () => file.click() } },
	h('b', { text: 'your own …' }),
	h('span', { text: 'A .wasm file that you have built.' }),
	h('kbd', { text: OWN_KEY, 'aria-label': `key ${OWN_KEY}` })
);

at('launchers').append(...PROGRAMS.map(launcher), own, file);
at('lan').append(lanView.element);
if (relay) {
	const joined = h('p', { class: 'note joined', role: 'status' });
	at('lan').append(joined);
	new Bridge(lan, relay, (text) => (joined.textContent = text));
}
at('lessons').append(lessons.element);
at('notices').append(notices());

nodes.addEventListener('nodes', () => {
	at('no-nodes').hidden = play.views.length > 0;
});

// ---------------------------------------------------------------------- Look

onLook(() => {
	at('theme').textContent = `Theme: ${themeName()}`;
});

function toggleLessons() {
	const hidden = document.body.classList.toggle('no-lessons');
	at('lessons-button').setAttribute('aria-pressed', String(!hidden));
}

const dialog = shortcuts([
	...PROGRAMS.map(({ key, name }) => [
		key,
		`start ${name}`,
		() => play.start(name),
	]),
	[OWN_KEY, 'start a program of your own', () => file.click()],
	['P', 'ping, or stop pinging', () => lanView.toggle()],
	['N', 'go to the next node', () => play.step(1)],
	['B', 'go back to the node before', () => play.step(-1)],
	['L', 'lessons on or off', toggleLessons],
	['T', 'theme: auto, light, dark', nextTheme],
	['+', 'everything larger, for a projector', () => resize(1)],
	['-', 'everything smaller', () => resize(-1)],
	['?', 'this list', () => dialog.showModal()],
]);
document.body.append(dialog);

at('theme').addEventListener('click', nextTheme);
at('larger').addEventListener('click', () => resize(1));
at('smaller').addEventListener('click', () => resize(-1));
at('keys').addEventListener('click', () => dialog.showModal());
at('lessons-button').addEventListener('click', toggleLessons);

/** For the tests and for the curious, in the developer's console. */
globalThis.playground = play;
