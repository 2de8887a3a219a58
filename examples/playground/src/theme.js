// SPDX-License-Identifier: ISC
// Light, dark or as the system has it; and the size of everything, for projectors.

const THEMES = ['auto', 'light', 'dark'];
const SIZES = [14, 16, 18, 21, 24];
const SIZE_DEFAULT = 1;

const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners = [];

function stored(key) {
	try {
		return localStorage.getItem(key);
	} catch {
		return null; // pages may be forbidden to store
	}
}

function store(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch {
		// then the choice lasts as long as the page
	}
}

let theme = THEMES.includes(stored('theme')) ? stored('theme') : 'auto';
let size = SIZES[stored('size')] ? Number(stored('size')) : SIZE_DEFAULT;

export function isDark() {
	return theme === 'auto' ? dark.matches : theme === 'dark';
}

export function themeName() {
	return theme;
}

function apply() {
	document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
	document.documentElement.style.fontSize = `${SIZES[size]}px`;
	for (const listener of listeners) listener();
}

export function nextTheme() {
	theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
	store('theme', theme);
	apply();
}

export function resize(by) {
	size = Math.min(Math.max(size + by, 0), SIZES.length - 1);
	store('size', size);
	apply();
}

/** Calls `listener` now and whenever colours or sizes change. */
export function onLook(listener) {
	listeners.push(listener);
	listener();
}

export function offLook(listener) {
	listeners.splice(listeners.indexOf(listener), 1);
}

/** A colour of the style sheet, for canvases and the terminal. */
export function colour(name) {
	return getComputedStyle(document.documentElement)
		.getPropertyValue(`--${name}`)
		.trim();
}

dark.addEventListener('change', apply);
apply();
