// SPDX-License-Identifier: ISC
// The errors of mirage.h, and what hosts say in their terms.

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

const codes = {
	// of Node
	EACCES,
	EPERM: EACCES,
	EBUSY,
	EINVAL,
	EISDIR: EINVAL,
	ENAMETOOLONG: EINVAL,
	ENODEV,
	ENOENT: ENODEV,
	ENOTDIR: ENODEV,
	EROFS,
	ENOMEM,
	EMFILE: ENOMEM,
	ENFILE: ENOMEM,
	ENOSPC,
	EDQUOT: ENOSPC,
	EFBIG: ENOSPC,
	EBADF: EGONE,
	EPIPE: EGONE,
	ECONNRESET: EGONE,
	// of browsers
	NotFoundError: ENODEV,
	NoModificationAllowedError: EBUSY,
	NotAllowedError: EACCES,
	SecurityError: EACCES,
	InvalidStateError: EGONE,
	QuotaExceededError: ENOSPC,
	TypeError: EINVAL,
};

/** What a host threw, as a value of `enum mirage_error`. */
export function errorOf(thrown) {
	return thrown?.mirage ?? codes[thrown?.code] ?? codes[thrown?.name] ?? EIO;
}

/** An error for the log, with its value. */
export class MirageError extends Error {
	constructor(value, message) {
		super(message);
		this.mirage = value;
	}
}
