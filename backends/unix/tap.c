/* SPDX-License-Identifier: ISC */
/*
 * An interface is never made here: that takes privileges, and a misspelt name
 * would become an interface nobody is connected to. Every refusal says which
 * command helps.
 */
#include "tap.h"

#include "unix.h"
#include "vnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/** The rules of the kernel, and '%', with which it would make up a name. */
static bool tap_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length < IFNAMSIZ && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 &&
	       strcspn(name, "/:% \t\n\v\f\r") == length;
}

uint32_t unix_tap_salt(const char *interface_name)
{
	uint32_t salt = 2166136261u; /* FNV-1a */

	for (; *interface_name != '\0'; interface_name++)
		salt = (salt ^ (uint8_t)*interface_name) * 16777619u;
	return salt;
}

static int tap_find(struct unix_tap *tap, const struct mirage_open *open,
		    const char *name)
{
	if (!tap_name_valid(name)) {
		mirage_core_open_error(
			open,
			"'%s' is no name of an interface: 1 to %d "
			"bytes, none of them '/', ':', '%%' or a space",
			name, IFNAMSIZ - 1);
		return MIRAGE_EINVAL;
	}
	memcpy(tap->name, name, strlen(name) + 1);
	tap->index = (int)if_nametoindex(name);
	if (tap->index != 0)
		return 0;
	mirage_core_open_error(open,
			       "there is no interface '%s'; make it: "
			       "ip tuntap add dev %s mode tap user $USER && "
			       "ip link set dev %s up",
			       name, name, name);
	return MIRAGE_ENODEV;
}

/* ------------------------------------------------------------ Properties -- */

static int tap_mtu(struct unix_tap *tap, const struct mirage_open *open,
		   bool given, uint32_t interface_mtu)
{
	if (!given)
		tap->mtu_bytes = interface_mtu;
	if (tap->mtu_bytes <= interface_mtu)
		return 0;
	mirage_core_open_error(open,
			       "mtu=%u is above %u, the mtu of '%s'; raise "
			       "that: ip link set dev %s mtu %u",
			       (unsigned)tap->mtu_bytes,
			       (unsigned)interface_mtu, tap->name, tap->name,
			       (unsigned)tap->mtu_bytes);
	return MIRAGE_EINVAL;
}

/** Ours and the host's are the two ends of one wire and must differ. */
static int tap_mac(struct unix_tap *tap, const struct mirage_open *open,
		   bool given, const void *host)
{
	if (memcmp(tap->mac, host, sizeof(tap->mac)) != 0)
		return 0;
	if (!given) {
		tap->mac[5] ^= 1;
		return 0;
	}
	mirage_core_open_error(open,
			       "mac= is the host's own address on '%s'; "
			       "choose another",
			       tap->name);
	return MIRAGE_EINVAL;
}

static int tap_query(const struct unix_tap *tap, unsigned long what,
		     struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0;

	memset(request, 0, sizeof(*request));
	memcpy(request->ifr_name, tap->name, IFNAMSIZ);
	if (fd < 0)
		return errno;
	if (ioctl(fd, what, request) != 0)
		error = errno;
	close(fd);
	return error;
}

static int tap_properties(struct unix_tap *tap, const struct mirage_open *open,
			  struct mirage_uri *uri)
{
	bool mtu_given = mirage_uri_option(uri, "mtu") != NULL;
	bool mac_given = mirage_uri_option(uri, "mac") != NULL;
	struct ifreq mtu, mac;
	int error = tap_query(tap, SIOCGIFMTU, &mtu);

	if (error == 0)
		error = tap_query(tap, SIOCGIFHWADDR, &mac);
	if (error != 0) {
		mirage_core_open_error(open, "cannot ask for mtu and mac: %s",
				       strerror(error));
		return unix_error(error);
	}
	error = tap_mtu(tap, open, mtu_given, (uint32_t)mtu.ifr_mtu);
	if (error < 0)
		return error;
	return tap_mac(tap, open, mac_given, mac.ifr_hwaddr.sa_data);
}

/* -------------------------------------------------------------- Attaching -- */

static int open_tun(void)
{
	return open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int tap_open_failed(const struct mirage_open *open, int error)
{
	if (error == ENOENT || error == ENODEV || error == ENXIO) {
		mirage_core_open_error(open, "there is no /dev/net/tun; "
					     "load it: modprobe tun");
		return MIRAGE_EACCES;
	}
	if (error == EACCES || error == EPERM) {
		mirage_core_open_error(open,
				       "no permission to open /dev/net/tun; "
				       "as root: chmod 666 /dev/net/tun");
		return MIRAGE_EACCES;
	}
	mirage_core_open_error(open, "cannot open /dev/net/tun: %s",
			       strerror(error));
	return unix_error(error);
}

static int tap_attach_failed(const struct unix_tap *tap,
			     const struct mirage_open *open, int error)
{
	const char *name = tap->name;

	switch (error) {
	case EPERM:
		mirage_core_open_error(
			open,
			"no permission to attach to '%s'; make it "
			"yours: ip tuntap del dev %s mode tap && "
			"ip tuntap add dev %s mode tap user $USER",
			name, name, name);
		return MIRAGE_EACCES;
	case EBUSY:
		mirage_core_open_error(open,
				       "another process is attached to '%s'; "
				       "end it or use another interface",
				       name);
		return MIRAGE_EBUSY;
	case EINVAL:
		mirage_core_open_error(open,
				       "'%s' is not a tap of one queue; make "
				       "one: ip tuntap add dev NAME mode tap "
				       "user $USER",
				       name);
		return MIRAGE_EINVAL;
	default:
		mirage_core_open_error(open, "cannot attach to '%s': %s", name,
				       strerror(error));
		return unix_error(error);
	}
}

/** Receives with as many of the offloads as the kernel has. The interface keeps
 *  what its last user asked for, so none must be asked for too. */
static void tap_offload(struct unix_tap *tap)
{
	unsigned long bits = 0;

	if ((tap->accept & MIRAGE_NET_CAP_RX_CSUM) != 0)
		bits |= TUN_F_CSUM;
	if ((tap->accept & MIRAGE_NET_CAP_RX_GSO4) != 0)
		bits |= TUN_F_TSO4;
	if ((tap->accept & MIRAGE_NET_CAP_RX_GSO6) != 0)
		bits |= TUN_F_TSO6;
	if (ioctl(tap->fd, TUNSETOFFLOAD, bits) == 0)
		return;
	tap->accept = 0;
	ioctl(tap->fd, TUNSETOFFLOAD, 0ul);
}

static int tap_attach(struct unix_tap *tap, const struct mirage_open *open)
{
	struct ifreq request = {0};
	int header = UNIX_VNET_BYTES, error = 0;

	memcpy(request.ifr_name, tap->name, IFNAMSIZ);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (tap->header_vnet)
		request.ifr_flags |= IFF_VNET_HDR;
	if (ioctl(tap->fd, TUNSETIFF, &request) != 0 ||
	    (tap->header_vnet && ioctl(tap->fd, TUNSETVNETHDRSZ, &header) != 0))
		error = errno;
	if (error != 0) {
		error = tap_attach_failed(tap, open, error);
		close(tap->fd);
		return error;
	}
	tap_offload(tap);
	return 0;
}

int unix_tap_attach(struct unix_tap *tap, const struct mirage_open *open,
		    struct mirage_uri *uri)
{
	int error;

	error = tap_find(tap, open, uri->path);
	if (error == 0)
		error = tap_properties(tap, open, uri);
	if (error < 0)
		return error;
	/* Segments cannot be accepted without their blank checksums. */
	if ((open->accept & MIRAGE_NET_CAP_RX_CSUM) != 0)
		tap->accept = open->accept;
	tap->header_vnet = tap->accept != 0;
	tap->fd = open_tun();
	if (tap->fd < 0)
		return tap_open_failed(open, errno);
	return tap_attach(tap, open);
}

bool unix_tap_attached(const struct unix_tap *tap)
{
	struct ifreq request;

	return ioctl(tap->fd, TUNGETIFF, &request) == 0;
}

/* --------------------------------------------------------------- Writing -- */

static ssize_t tap_write_vectors(const struct unix_tap *tap,
				 const struct mirage_packet *frame)
{
	struct virtio_net_hdr header;
	struct iovec vectors[1 + UNIX_TAP_FRAGMENTS_MAX];
	int n = 0;

	if (tap->header_vnet) {
		unix_vnet_encode(&header, frame);
		vectors[n++] = (struct iovec){&header, sizeof(header)};
	}
	for (; frame != NULL; frame = frame->next)
		vectors[n++] = (struct iovec){frame->data, frame->length_bytes};
	return writev(tap->fd, vectors, n);
}

/** Writes header and frame as one piece, which is cheaper than two. */
static ssize_t tap_write_joined(const struct unix_tap *tap,
				struct mirage_packet *frame)
{
	struct virtio_net_hdr header;
	ssize_t n;

	unix_vnet_encode(&header, frame);
	mirage_packet_prepend(frame, sizeof(header));
	memcpy(frame->data, &header, sizeof(header));
	n = write(tap->fd, frame->data, frame->length_bytes);
	mirage_packet_trim(frame, sizeof(header), 0);
	return n;
}

ssize_t unix_tap_write(const struct unix_tap *tap, struct mirage_packet *frame)
{
	if (frame->next != NULL)
		return tap_write_vectors(tap, frame);
	if (!tap->header_vnet)
		return write(tap->fd, frame->data, frame->length_bytes);
	if (frame->references == 1 &&
	    mirage_packet_headroom(frame) >= UNIX_VNET_BYTES)
		return tap_write_joined(tap, frame);
	return tap_write_vectors(tap, frame);
}
