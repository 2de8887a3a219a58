// SPDX-License-Identifier: ISC
// The errors of mirage.h.

export const EINVAL = -2;
export const ENODEV = -3;
export const EBUSY = -4;
export const EACCES = -5;
export const EROFS = -6;
export const ERANGE = -7;
export const ENOMEM = -10;
export const ENOSPC = -11;
export const EIO = -12;
export const EGONE = -13;
export const ENOSYS = -16;
export const ENOTSUP = -17;

/** An error for the log, with its value. */
export class MirageError extends Error {
	constructor(value, message) {
		super(message);
		this.mirage = value;
	}
}
