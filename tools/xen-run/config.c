/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "device.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --------------------------------------------------------- Command line -- */

static bool is_plain(const char *word)
{
	return *word != '\0' && word[strcspn(word, " '\"")] == '\0';
}

/** One argument. Quotes keep blanks together, the other kind keeps quotes. */
static void put_word(FILE *out, const char *word)
{
	if (is_plain(word)) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\"'\"'", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

char *config_command_line(const struct options *options)
{
	const char *slash = strrchr(options->image, '/');
	char *line = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&line, &size);

	if (out == NULL)
		abort();
	put_word(out, slash != NULL ? slash + 1 : options->image);
	for (unsigned i = 0; i < options->n_nets; i++)
		fprintf(out, " --net %s=vif:%u", options->nets[i].name, i);
	for (unsigned i = 0; i < options->n_disks; i++)
		fprintf(out, " --block %s=vbd:xvd%c", options->disks[i].name,
			'a' + i);
	for (char **arg = options->args; *arg != NULL; arg++) {
		fputc(' ', out);
		put_word(out, *arg);
	}
	if (fclose(out) != 0)
		abort();
	if (size <= COMMAND_LINE_MAX)
		return line;
	complain("the guest's command line has %zu bytes, more than %d", size,
		 COMMAND_LINE_MAX);
	free(line);
	return NULL;
}

char *config_path(const char *file)
{
	char *path = realpath(file, NULL), here[4096];

	if (path != NULL)
		return path;
	if (*file == '/' || getcwd(here, sizeof here) == NULL)
		return strdup(file);
	return asprintf(&path, "%s/%s", here, file) < 0 ? NULL : path;
}

/* ---------------------------------------------------------------- Files -- */

typedef void writer(FILE *out, const struct options *options, const char *line);

static int write_file(const struct options *options, const char *path,
		      writer *write)
{
	bool to_stdout = strcmp(path, "-") == 0;
	char *line = config_command_line(options);
	FILE *out;
	bool ok;

	if (line == NULL)
		return STATUS_USAGE;
	if (!step("write %s", path)) {
		free(line);
		return 0;
	}
	out = to_stdout ? stdout : fopen(path, "w");
	ok = out != NULL;
	if (ok) {
		write(out, options, line);
		ok = (to_stdout ? fflush(out) : fclose(out)) == 0;
	}
	free(line);
	if (!ok)
		complain("%s: %s", path, strerror(errno));
	return ok ? 0 : STATUS_FAILED;
}

/* ------------------------------------------------------------------- xl -- */

/** A string of xl's: what is special in it is escaped as in C. */
static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void put_key(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s = ", key);
	put_string(out, value);
	fputc('\n', out);
}

static void xl_nets(FILE *out, const struct options *options)
{
	fputs("vif = [", out);
	for (unsigned i = 0; i < options->n_nets; i++) {
		const struct net_option *net = &options->nets[i];
		char mac[18], mtu[24] = "", *spec = NULL, *script = NULL;

		device_mac(net, options->name, mac);
		if (net->mtu_bytes != 0)
			snprintf(mtu, sizeof mtu, ",mtu=%u", net->mtu_bytes);
		if (net->script != NULL)
			script = config_path(net->script);
		if (asprintf(&spec, "mac=%s%s%s%s%s%s", mac, mtu,
			     net->bridge != NULL ? ",bridge=" : "",
			     net->bridge != NULL ? net->bridge : "",
			     script != NULL ? ",script=" : "",
			     script != NULL ? script : "") < 0)
			abort();
		fputs(i > 0 ? ", " : "", out);
		put_string(out, spec);
		free(spec);
		free(script);
	}
	fputs("]\n", out);
}

static void xl_disks(FILE *out, const struct options *options)
{
	fputs("disk = [", out);
	for (unsigned i = 0; i < options->n_disks; i++) {
		const struct disk_option *disk = &options->disks[i];
		char *spec = NULL, *file = config_path(disk->file);

		if (asprintf(&spec, "format=raw,vdev=xvd%c,access=%s,target=%s",
			     'a' + i, disk->read_only ? "ro" : "rw", file) < 0)
			abort();
		fputs(i > 0 ? ", " : "", out);
		put_string(out, spec);
		free(spec);
		free(file);
	}
	fputs("]\n", out);
}

static void put_xl(FILE *out, const struct options *options, const char *line)
{
	fputs("# xl create -c THIS-FILE\n", out);
	put_key(out, "name", options->name);
	put_key(out, "type", "pvh");
	put_key(out, "kernel", options->image);
	put_key(out, "cmdline", line);
	fprintf(out, "memory = %u\nvcpus = 1\n", options->memory_mib);
	put_key(out, "on_poweroff", "destroy");
	put_key(out, "on_reboot", "restart");
	put_key(out, "on_crash", "destroy");
	if (options->n_nets > 0)
		xl_nets(out, options);
	if (options->n_disks > 0)
		xl_disks(out, options);
}

int config_write_xl(const struct options *options, const char *path)
{
	return write_file(options, path, put_xl);
}

/* -------------------------------------------------------------- libvirt -- */

/** Text or the value of an attribute in '…'. */
static void put_xml(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("<>&'\"", *text) != NULL || (uint8_t)*text < ' ')
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

static void put_element(FILE *out, const char *before, const char *text,
			const char *after)
{
	fputs(before, out);
	put_xml(out, text);
	fputs(after, out);
}

static void libvirt_net(FILE *out, const struct options *options,
			const struct net_option *net)
{
	char mac[18], *script;

	device_mac(net, options->name, mac);
	fprintf(out, "    <interface type='%s'>\n",
		net->bridge != NULL ? "bridge" : "ethernet");
	put_element(out, "      <mac address='", mac, "'/>\n");
	if (net->bridge != NULL)
		put_element(out, "      <source bridge='", net->bridge,
			    "'/>\n");
	if (net->mtu_bytes != 0)
		fprintf(out, "      <mtu size='%u'/>\n", net->mtu_bytes);
	if (net->script != NULL) {
		script = config_path(net->script);
		put_element(out, "      <script path='", script, "'/>\n");
		free(script);
	}
	fputs("    </interface>\n", out);
}

static void libvirt_disk(FILE *out, const struct disk_option *disk,
			 unsigned number)
{
	char *file = config_path(disk->file);

	fputs("    <disk type='file' device='disk'>\n"
	      "      <driver type='raw'/>\n",
	      out);
	put_element(out, "      <source file='", file, "'/>\n");
	fprintf(out, "      <target dev='xvd%c' bus='xen'/>\n", 'a' + number);
	fputs(disk->read_only ? "      <readonly/>\n" : "", out);
	fputs("    </disk>\n", out);
	free(file);
}

static void put_libvirt(FILE *out, const struct options *options,
			const char *line)
{
	fputs("<!-- virsh create THIS-FILE -->\n"
	      "<domain type='xen'>\n",
	      out);
	put_element(out, "  <name>", options->name, "</name>\n");
	fprintf(out, "  <memory unit='MiB'>%u</memory>\n", options->memory_mib);
	fputs("  <vcpu>1</vcpu>\n"
	      "  <os>\n"
	      "    <type arch='x86_64' machine='xenpvh'>xenpvh</type>\n",
	      out);
	put_element(out, "    <kernel>", options->image, "</kernel>\n");
	put_element(out, "    <cmdline>", line, "</cmdline>\n");
	fputs("  </os>\n"
	      "  <on_poweroff>destroy</on_poweroff>\n"
	      "  <on_reboot>restart</on_reboot>\n"
	      "  <on_crash>destroy</on_crash>\n"
	      "  <devices>\n",
	      out);
	for (unsigned i = 0; i < options->n_nets; i++)
		libvirt_net(out, options, &options->nets[i]);
	for (unsigned i = 0; i < options->n_disks; i++)
		libvirt_disk(out, &options->disks[i], i);
	fputs("    <console type='pty'>\n"
	      "      <target type='xen' port='0'/>\n"
	      "    </console>\n"
	      "  </devices>\n"
	      "</domain>\n",
	      out);
}

int config_write_libvirt(const struct options *options, const char *path)
{
	return write_file(options, path, put_libvirt);
}
