/* SPDX-License-Identifier: ISC */
/** @file The guest as text: its command line, and files for other tools. */
#ifndef XEN_RUN_CONFIG_H
#define XEN_RUN_CONFIG_H

#include "options.h"

/** What a guest of ours has room for. */
#define COMMAND_LINE_MAX 1023

/** The command line with the devices and the guest's arguments, quoted the way
 *  the guest reads it. To be freed. NULL after a complaint if it is too long. */
char *config_command_line(const struct options *options);

/** Write a configuration to `path`; 0, or a status after a complaint. */
int config_write_xl(const struct options *options, const char *path);
int config_write_libvirt(const struct options *options, const char *path);

/** Absolute, whether the file is there or not. To be freed. */
char *config_path(const char *file);

#endif
