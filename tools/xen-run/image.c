/* SPDX-License-Identifier: ISC */
/*
 * A look at the image before anything is created, because the domain builder's
 * own complaints speak to its authors. An image that gets past this and is still
 * broken fails there.
 */
#include "image.h"

#include "report.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/elfnote.h>

struct image {
	const uint8_t *bytes;
	size_t size;
};

static bool within(const struct image *image, uint64_t offset, uint64_t size)
{
	return offset <= image->size && size <= image->size - offset;
}

/** Whether the notes of one segment have the entry point of a PVH guest. */
static bool notes_have_entry(const uint8_t *at, uint64_t left)
{
	Elf64_Nhdr note;

	while (left >= sizeof note) {
		uint64_t name, whole;

		memcpy(&note, at, sizeof note);
		name = (note.n_namesz + 3ull) & ~3ull;
		whole = sizeof note + name + ((note.n_descsz + 3ull) & ~3ull);
		if (whole > left)
			return false;
		if (note.n_type == XEN_ELFNOTE_PHYS32_ENTRY &&
		    note.n_namesz == 4 &&
		    memcmp(at + sizeof note, "Xen", 4) == 0)
			return true;
		at += whole;
		left -= whole;
	}
	return false;
}

/** Walks the segments: is there an entry, and how far does memory reach? */
static bool is_guest(const struct image *image, uint64_t *top)
{
	Elf64_Ehdr head;
	bool entry = false;

	if (image->size < sizeof head)
		return false;
	memcpy(&head, image->bytes, sizeof head);
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_machine != EM_X86_64 ||
	    head.e_phentsize != sizeof(Elf64_Phdr) ||
	    !within(image, head.e_phoff,
		    (uint64_t)head.e_phnum * sizeof(Elf64_Phdr)))
		return false;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr part;

		memcpy(&part, image->bytes + head.e_phoff + i * sizeof part,
		       sizeof part);
		if (part.p_type == PT_NOTE &&
		    within(image, part.p_offset, part.p_filesz))
			entry |= notes_have_entry(image->bytes + part.p_offset,
						  part.p_filesz);
		if (part.p_type == PT_LOAD && part.p_paddr < 1ull << 40 &&
		    part.p_memsz < 1ull << 40 &&
		    part.p_paddr + part.p_memsz > *top)
			*top = part.p_paddr + part.p_memsz;
	}
	return entry;
}

static int check(const struct options *options, const struct image *image)
{
	uint64_t top = 0;

	if (!is_guest(image, &top)) {
		complain("%s: not a Xen guest; it must be linked with "
			 "mirage-xen",
			 options->image);
		return STATUS_NOT_AN_IMAGE;
	}
	if (top > (uint64_t)options->memory_mib << 20) {
		complain("--memory %u: %s needs more than %llu MiB",
			 options->memory_mib, options->image,
			 (unsigned long long)(top >> 20));
		return STATUS_USAGE;
	}
	return 0;
}

static int cannot_open(const struct options *options)
{
	complain("%s: %s", options->image, strerror(errno));
	return errno == ENOENT || errno == ENOTDIR ? STATUS_NO_IMAGE
						   : STATUS_NOT_AN_IMAGE;
}

static int map_and_check(const struct options *options, int fd)
{
	struct image image;
	struct stat stat;
	void *bytes;
	int status;

	if (fstat(fd, &stat) != 0)
		return cannot_open(options);
	image.size = (size_t)stat.st_size;
	if (!S_ISREG(stat.st_mode) || stat.st_size == 0) {
		image.size = 0; /* then it is no guest */
		return check(options, &image);
	}
	bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return cannot_open(options);
	image.bytes = bytes;
	status = check(options, &image);
	munmap(bytes, image.size);
	return status;
}

int image_check(struct options *options)
{
	int fd = open(options->image, O_RDONLY | O_CLOEXEC), status;
	char *path;

	if (fd < 0)
		return cannot_open(options);
	status = map_and_check(options, fd);
	close(fd);
	path = realpath(options->image, NULL);
	if (path != NULL)
		options->image = path;
	return status;
}
