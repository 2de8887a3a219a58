/* SPDX-License-Identifier: ISC */
#ifndef XEN_RUN_IMAGE_H
#define XEN_RUN_IMAGE_H

#include "options.h"

/**
 * Looks whether `options->image` is a PVH guest that fits the memory, and makes
 * its name absolute. 0, or the status to end with after a line of complaint.
 */
int image_check(struct options *options);

#endif
