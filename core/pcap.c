/* SPDX-License-Identifier: ISC */
#include "pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_NANOSECONDS 0xa1b23c4du
#define LINKTYPE_ETHERNET 1
#define NS_PER_S 1000000000

/* Headers are in the byte order of the writer; the magic number tells. */
struct file_header {
	uint32_t magic;
	uint16_t version_major, version_minor;
	uint32_t zone, accuracy;
	uint32_t snap_bytes;
	uint32_t link_type;
};

struct frame_header {
	uint32_t seconds, nanoseconds;
	uint32_t captured_bytes;
	uint32_t frame_bytes;
};

#define FRAMES_MAX 256
#define BUFFER_BYTES (CORE_PCAP_SNAP_BYTES + sizeof(struct frame_header))

struct core_pcap {
	FILE *file;
	char *path;
	bool failed;
	uint64_t missing_frames;
	size_t n_frames;
	size_t ends[FRAMES_MAX]; /* of each collected frame in the buffer */
	uint8_t buffer[BUFFER_BYTES];
};

static void fail(struct core_pcap *pcap)
{
	pcap->failed = true;
	mirage_log(MIRAGE_LOG_ERROR, "recording to %s ends: %s", pcap->path,
		   strerror(errno));
}

static bool write_header(FILE *file)
{
	const struct file_header header = {
		.magic = MAGIC_NANOSECONDS,
		.version_major = 2,
		.version_minor = 4,
		.snap_bytes = CORE_PCAP_SNAP_BYTES,
		.link_type = LINKTYPE_ETHERNET,
	};

	return fwrite(&header, sizeof header, 1, file) == 1;
}

struct core_pcap *core_pcap_open(const char *path)
{
	struct core_pcap *pcap = calloc(1, sizeof *pcap);

	if (pcap == NULL)
		return NULL;
	pcap->path = malloc(strlen(path) + 1);
	pcap->file = pcap->path != NULL ? fopen(path, "wb") : NULL;
	if (pcap->file == NULL) {
		free(pcap->path);
		free(pcap);
		return NULL;
	}
	strcpy(pcap->path, path);
	/* Whole batches are written, and are in the file at once. */
	setvbuf(pcap->file, NULL, _IONBF, 0);
	if (!write_header(pcap->file))
		fail(pcap);
	return pcap;
}

static void copy_frame(uint8_t *to, const struct mirage_packet *frame,
		       size_t bytes)
{
	for (; bytes > 0; frame = frame->next) {
		size_t piece = frame->length_bytes;

		if (piece > bytes)
			piece = bytes;
		memcpy(to, frame->data, piece);
		to += piece;
		bytes -= piece;
	}
}

bool core_pcap_add(struct core_pcap *pcap, const struct mirage_packet *frame)
{
	size_t start = pcap->n_frames > 0 ? pcap->ends[pcap->n_frames - 1] : 0;
	uint64_t bytes = mirage_packet_frame_bytes(frame);
	uint64_t now_ns = (uint64_t)mirage_clock_wall_ns();
	struct frame_header header = {
		.seconds = (uint32_t)(now_ns / NS_PER_S),
		.nanoseconds = (uint32_t)(now_ns % NS_PER_S),
		.captured_bytes = (uint32_t)bytes,
		.frame_bytes = (uint32_t)bytes,
	};

	if (bytes > CORE_PCAP_SNAP_BYTES)
		header.captured_bytes = CORE_PCAP_SNAP_BYTES;
	if (pcap->n_frames == FRAMES_MAX ||
	    start + sizeof header + header.captured_bytes > BUFFER_BYTES)
		return false;
	memcpy(pcap->buffer + start, &header, sizeof header);
	start += sizeof header;
	copy_frame(pcap->buffer + start, frame, header.captured_bytes);
	pcap->ends[pcap->n_frames++] = start + header.captured_bytes;
	return true;
}

void core_pcap_write(struct core_pcap *pcap, size_t n)
{
	pcap->n_frames = 0;
	if (n == 0)
		return;
	if (pcap->failed) {
		pcap->missing_frames += n;
		return;
	}
	if (fwrite(pcap->buffer, pcap->ends[n - 1], 1, pcap->file) == 1)
		return;
	/* A torn frame may be in the file now: nothing readable could follow. */
	pcap->missing_frames += n;
	fail(pcap);
}

void core_pcap_close(struct core_pcap *pcap)
{
	if (pcap->missing_frames > 0)
		mirage_log(MIRAGE_LOG_WARN,
			   "recording to %s misses %llu frames", pcap->path,
			   (unsigned long long)pcap->missing_frames);
	fclose(pcap->file);
	free(pcap->path);
	free(pcap);
}
