#!/bin/sh
# SPDX-License-Identifier: ISC
# In a network namespace of its own: Linux's ping to ping in Node, through
# mirage-relay, again when that was gone and is back, and through mirage-tap.
set -eu
run=$MIRAGE_SOURCE/backends/js/package/bin/mirage-js-run.mjs
relay=$MIRAGE_SOURCE/tools/relay/mirage-relay.mjs
program=$MIRAGE_BUILD/examples/ping.wasm
started=
trap 'test -z "$started" || kill -9 $started' EXIT

ip link set lo up
ip tuntap add dev wire mode tap
ip address add 10.0.0.1/24 dev wire
ip link set wire up

# The first ping waits for both ends to come up.
pings() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		ping -q -c 1 -W 1 10.0.0.2 > /dev/null && break
	done
	ping -q -c 3 -i 0.05 -W 2 10.0.0.2
}

node "$relay" --net tap:wire &
first=$!
node "$run" "$program" --net service=ws://127.0.0.1:8086/,mac=02:00:00:00:00:02 &
node=$!
started="$first $node"
pings
kill "$first"
wait "$first"
node "$relay" --net tap:wire &
second=$!
started="$second $node"
pings
kill "$node" "$second"
wait "$second"

"$MIRAGE_LIBEXEC/mirage-tap" wire node "$run" "$program" \
	--net service=fd:3,mac=02:00:00:00:00:02 &
last=$!
started=$last
pings
kill "$last"
wait "$last"
started=
