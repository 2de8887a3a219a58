#!/bin/sh
# SPDX-License-Identifier: ISC
# Counts all that guests could leave in dom0 and in Xen.
echo "domains $(xl list | tail -n +2 | wc -l)"
echo "nodes $(xenstore-ls -f / | wc -l)"
echo "events $(lsevtchn 0 | wc -l)"
echo "loop $(losetup -a | wc -l)"
echo "vif $(ls /sys/class/net | grep -c vif)"
echo "processes $(ps | grep -c '[m]irage-xen-run')"
# Xen prints each grant that is mapped, with its number: [0x001].
xl dmesg -c >/dev/null
xl debug-keys g
echo "grants $(xl dmesg | grep -c '\[0x[0-9a-f]*\]')"
# Guests that Xen cannot take down because somebody holds their pages.
echo "zombies $(xl list | grep -c '(null)')"
