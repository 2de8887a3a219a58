#!/bin/sh
# SPDX-License-Identifier: ISC
# The same seed gives the same run, byte for byte; another seed another one.
set -eu

chaos=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

faults=delay=300us,jitter=200us,loss=0.05,reorder=0.1,duplicate=0.05,corrupt=0.05

# trace NAME SEED: the log, every call of two devices, and a capture of one.
trace() {
	"$chaos" --seed "$2" -v -v \
		--net n0=lan:x,$faults --net n1=lan:x,$faults \
		--net n2=lan:y,$faults --net n3=lan:y,$faults,bandwidth=500K \
		--block d=disk:16M --trace "n0=$1.pcap" --trace d \
		d >"$1.out" 2>"$1.log"
	# The name of the capture is not part of the run.
	sed -i "s/$1\.pcap/pcap/" "$1.log"
}

fail() {
	echo "FAIL: $1"
	exit 1
}

trace one 42
trace two 42
trace other 43

cmp one.log two.log || fail "two runs of one seed differ in the log"
cmp one.out two.out || fail "two runs of one seed differ in the output"
cmp one.pcap two.pcap || fail "two runs of one seed differ in the capture"
cmp -s one.log other.log && fail "two seeds give the same log"
cmp -s one.pcap other.pcap && fail "two seeds give the same capture"

for word in 'lost' 'nobody hears' 'pulled cable' 'cut apart' 'power loss' \
	'kept' 'torn' 'EIO'; do
	grep -q "$word" one.log || fail "no '$word' in the log: not much of a test"
done
[ "$(wc -l <one.log)" -gt 5000 ] || fail "a log of few lines"
echo "the same $(wc -l <one.log) lines twice, others with another seed"
