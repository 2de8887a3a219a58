#!/bin/sh
# SPDX-License-Identifier: ISC
# In a network namespace of its own: Linux's ping to ping in a tab, through
# mirage-relay, again when that was gone and is back.
set -eu
relay=$MIRAGE_SOURCE/tools/relay/mirage-relay.mjs
started=
trap 'test -z "$started" || kill -9 $started' EXIT

ip link set lo up
ip tuntap add dev wire mode tap
ip address add 10.0.0.1/24 dev wire
ip link set wire up

# The first ping waits for both ends to come up.
pings() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		ping -q -c 1 -W 1 10.0.0.2 > /dev/null && break
	done
	ping -q -c 20 -i 0.02 -W 2 -s 1472 10.0.0.2
}

node "$relay" --net tap:wire &
first=$!
node "$MIRAGE_SOURCE/tests/js/net/tab_ping.mjs" \
	ws://127.0.0.1:8086/,mac=02:00:00:00:00:02 &
tab=$!
started="$first $tab"
pings
kill "$first"
wait "$first"
node "$relay" --net tap:wire &
second=$!
started="$second $tab"
pings
kill -USR2 "$tab"
wait "$tab"
kill "$second"
wait "$second"
started=
