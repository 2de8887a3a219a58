// SPDX-License-Identifier: ISC
// disk:NAME: the best that the browser has: opfs:, or else idb: with a warning. They
// are different disks.

import { missing, open as openOpfs } from './block-opfs.js';

const WARN = 1;

export async function open(options, disk) {
	const why = await missing();
	if (!why) return openOpfs(options, disk);
	disk.log(WARN, `${why}; it is idb:${options.path} instead, which is slower`);
	const { open: openIdb } = await import('./block-idb.js');
	return openIdb(options, disk);
}
