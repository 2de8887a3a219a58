#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What cannot be opened, and what is said about it: refused_test.py TAPAPP PING."""

import lab
from lab import App, RawTap, TAPAPP, expect, start


def refused(uri, error, message, *, wrap=(), **options):
    app = App(*wrap, TAPAPP, "--net", "service=" + uri, **options)
    expect(app.open(), error, uri)
    log = app.end()
    expect(log, "tapapp: error: network 'service' (%s): %s\n" % (uri, message),
           uri)


def case_bad_names():
    long = "a" * 16
    shape = "1 to 15 bytes, none of them '/', ':', '%' or a space"
    refused("tap:nowhere", "ENODEV",
            "there is no interface 'nowhere'; make it: ip tuntap add dev "
            "nowhere mode tap user $USER && ip link set dev nowhere up")
    refused("tap:" + long, "EINVAL",
            "'%s' is no name of an interface: %s" % (long, shape))
    refused("tap:a%d", "EINVAL",
            "'a%%d' is no name of an interface: %s" % shape)
    refused("tap:", "EINVAL", "'' is no name of an interface: " + shape)
    refused("tap:lo", "EINVAL",
            "'lo' is not a tap of one queue; make one: "
            "ip tuntap add dev NAME mode tap user $USER")


def case_bad_options():
    lab.tap("tap0")
    lab.run("ip", "link", "set", "dev", "tap0", "address", "02:00:00:00:00:07")
    refused("tap:tap0,mtu=1501", "EINVAL",
            "mtu=1501 is above 1500, the mtu of 'tap0'; "
            "raise that: ip link set dev tap0 mtu 1501")
    refused("tap:tap0,mtu=67", "EINVAL",
            "mtu=67 is no number of bytes from 68 to 65521")
    refused("tap:tap0,mac=02:00:00:00:00:07", "EINVAL",
            "mac= is the host's own address on 'tap0'; choose another")
    refused("tap:tap0,mac=01:00:00:00:00:07", "EINVAL",
            "mac=01:00:00:00:00:07 is no unicast address such as "
            "02:00:00:00:00:01")
    refused("tap:tap0,colour=red", "EINVAL",
            "tap: has no option 'colour'; --help lists them")
    lab.delete("tap0")


def case_busy():
    lab.tap("tap0")
    raw = RawTap("tap0")
    refused("tap:tap0", "EBUSY", "another process is attached to 'tap0'; "
            "end it or use another interface")
    raw.close()
    start("tap0").end()
    lab.delete("tap0")


def case_no_permission():
    lab.tap("tap0")
    refused("tap:tap0", "EACCES", "no permission to open /dev/net/tun; "
            "as root: chmod 666 /dev/net/tun", wrap=deny("chmod 600"))
    lab.delete("tap0")
    lab.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "user", "1")
    refused("tap:tap0", "EACCES", "no permission to attach to 'tap0'; make it "
            "yours: ip tuntap del dev tap0 mode tap && "
            "ip tuntap add dev tap0 mode tap user $USER",
            wrap=deny("chmod 666"))
    refused("tap:tap0", "EACCES", "there is no /dev/net/tun; "
            "load it: modprobe tun", wrap=deny("rm"))
    lab.delete("tap0")
    lab.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "user",
            "65534")
    app = App(*deny("chmod 666"), TAPAPP, "--net", "service=tap:tap0")
    expect(app.open(), "OK", "one's own tap without privileges")
    app.end()
    lab.delete("tap0")


def deny(what):
    """Runs a command as nobody, with a /dev/net/tun after `what`."""
    script = ("mount -t tmpfs none /dev/net && mknod /dev/net/tun c 10 200 && "
              + what + " /dev/net/tun && exec setpriv --reuid 65534 --regid "
              "65534 --clear-groups \"$@\"")
    return ["unshare", "-m", "sh", "-euc", script, "deny"]


if __name__ == "__main__":
    lab.main(globals())
