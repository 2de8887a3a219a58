// SPDX-License-Identifier: ISC
// What hosts say, in the terms of mirage.h.

import {
	EINVAL,
	ENODEV,
	EBUSY,
	EACCES,
	EROFS,
	ENOMEM,
	ENOSPC,
	EIO,
	EGONE,
} from './errors.js';

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
