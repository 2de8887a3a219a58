/* SPDX-License-Identifier: ISC */
/*
 * bugs.h: what the selftest's backend can do wrong: NAME, "name", the tag of
 * the sentence that it breaks, and the cases that MUST fail when it is planted,
 * perhaps behind the fixture's name and a colon. The first of them claims the
 * tag. selftest.py reads this table too.
 */
#ifndef SELFTEST_BUGS_H
#define SELFTEST_BUGS_H

/* clang-format off */
#define SELFTEST_BUGS(X) \
	/* Blocks, inside the backend. */ \
	X(BLOCK_COMPLETES_TWICE, "block-completes-twice", "LAW-01", "block.completes_once_512 block.deep_queue_4096") \
	X(BLOCK_INSIDE_SUBMIT, "block-completes-inside-submit", "LAW-02", "block.completes_once_512 block.deep_queue_512") \
	X(BLOCK_NEVER_COMPLETES, "block-never-completes", "LAW-01", "block.completes_once_4096") \
	X(BLOCK_SHORT_READ, "block-short-read", "BLK-03", "block.read_back_512 block.largest_transfer_4096") \
	X(BLOCK_SHORT_WRITE, "block-short-write", "BLK-03", "block.read_back_4096 block.deep_queue_512") \
	X(BLOCK_STALE_READ, "block-stale-read", "BLK-01", "block.overwrite_512") \
	X(BLOCK_OUTSIDE_VECTOR, "block-writes-outside-vector", "BLK-09", "block.read_stays_inside_512 block.vectors_4096") \
	X(BLOCK_VECTORS_REVERSED, "block-vectors-reversed", "BLK-25", "block.vectors_512") \
	X(BLOCK_WRITE_SCRIBBLES, "block-write-scribbles", "BLK-08", "block.write_only_reads_512") \
	X(BLOCK_FLUSH_IDLE, "block-flush-does-nothing", "BLK-02", "block.flush_survives_512 block.flush_survives_4096") \
	X(BLOCK_FORGETS, "block-forgets-when-closed", "BLK-02", "block.kept_when_closed_512") \
	X(BLOCK_DISCARD_NEIGHBOUR, "block-discard-damages-neighbour", "BLK-28", "block.discard_512") \
	X(BLOCK_DISCARD_UNSTABLE, "block-discard-unstable", "BLK-27", "block.discard_4096") \
	X(BLOCK_ZEROES_NOT_ZERO, "block-zeroes-not-zero", "BLK-26", "block.write_zeroes_512") \
	X(BLOCK_ZEROES_NEIGHBOUR, "block-zeroes-damage-neighbour", "BLK-28", "block.write_zeroes_4096") \
	X(BLOCK_HIDES_ERRORS, "block-hides-errors", "BLK-03", "block.fails_512") \
	X(BLOCK_COUNTS_TWICE, "block-counts-twice", "BLK-07", "block.counters_512") \
	X(BLOCK_NO_CLOSED, "block-no-closed", "BLK-15", "block.closed_once_512 block.reopen_512") \
	X(BLOCK_CLOSED_TWICE, "block-closed-twice", "BLK-15", "block.closed_once_512") \
	X(BLOCK_LOST_HANGS, "block-lost-hangs-in-close", "BLK-13", "block.lost_and_closed_512") \
	X(BLOCK_LOST_SILENT, "block-lost-silent", "EVT-01", "block.lost_and_back_512") \
	X(BLOCK_RESIZED_STALE, "block-resized-before-info", "EVT-01", "block.resized_512 events.size_first") \
	X(BLOCK_RESIZED_SILENT, "block-resized-silent", "EVT-01", "block.resized_4096") \
	X(BLOCK_CAPS_STALE, "block-caps-before-info", "EVT-01", "block.capability_lost_512") \
	X(BLOCK_SIZE_UNEVEN, "block-size-uneven", "BLK-05", "block.info_512") \
	X(BLOCK_SECTOR_ODD, "block-sector-not-a-power", "BLK-06", "block.info_512") \
	/* Blocks, past the core's checks. */ \
	X(BLOCK_GROWS, "block-grows", "BLK-04", "block.never_grows_512 block.past_end_512") \
	X(BLOCK_PAST_END, "block-takes-past-end", "BLK-20", "block.past_end_4096") \
	X(BLOCK_WRAPS, "block-offset-wraps", "BLK-20", "block.wraps_around_512") \
	X(BLOCK_MISALIGNED_OFFSET, "block-takes-misaligned-offset", "BLK-21", "block.misaligned_512") \
	X(BLOCK_MISALIGNED_LENGTH, "block-takes-misaligned-length", "BLK-21", "block.misaligned_4096") \
	X(BLOCK_MISALIGNED_ADDRESS, "block-takes-misaligned-address", "BLK-21", "block.misaligned_vectors_512") \
	X(BLOCK_NEEDS_PAGES, "block-needs-aligned-pages", "BLK-21", "block.least_alignment_512") \
	X(BLOCK_TRANSFER_TOO_LARGE, "block-takes-too-large", "BLK-20", "block.transfer_too_large_512") \
	X(BLOCK_TRANSFER_TOO_SMALL, "block-refuses-largest", "BLK-20", "block.largest_transfer_512") \
	X(BLOCK_VECTORS_TOO_MANY, "block-takes-too-many-vectors", "BLK-19", "block.many_vectors_512") \
	X(BLOCK_UNKNOWN_OP, "block-takes-unknown-op", "BLK-19", "block.malformed_512") \
	X(BLOCK_NO_VECTORS, "block-takes-no-vectors", "BLK-19", "block.malformed_4096") \
	X(BLOCK_ZERO_LENGTH, "block-refuses-zero-length", "BLK-24", "block.zero_length_512") \
	X(BLOCK_IGNORES_READ_ONLY, "block-ignores-read-only", "BLK-22", "block.read_only") \
	X(BLOCK_FLUSH_WITHOUT_CAP, "block-flush-without-cap", "BLK-23", "plain:block.unsupported_512 block.capability_lost_512") \
	X(BLOCK_DISCARD_TOO_LARGE, "block-discards-too-much", "BLK-20", "block.discard_limits_512") \
	X(BLOCK_LAST_COME, "block-last-come-first", "BLK-18", "block.first_come_512") \
	X(BLOCK_REFUSED_UNCOUNTED, "block-refused-uncounted", "BLK-07", "block.counters_512") \
	X(BLOCK_NULL_DONE, "block-tolerates-null-done", "LAW-05", "block.no_completion") \
	X(BLOCK_IN_FLIGHT_AGAIN, "block-tolerates-resubmission", "LAW-05", "block.submitted_twice") \
	X(BLOCK_AFTER_CLOSE, "block-works-after-close", "BLK-14", "block.submit_after_close_512") \
	X(BLOCK_CLOSE_DROPS, "block-close-drops-requests", "BLK-13", "block.close_in_flight_512 block.close_inside_4096") \
	X(BLOCK_CLOSE_AGAIN, "block-closes-again", "BLK-17", "block.close_twice_512") \
	X(BLOCK_BUSY_MISSING, "block-opens-twice", "BLK-12", "block.open_twice") \
	X(BLOCK_OPENS_INSIDE, "block-opens-inside", "LAW-02", "block.bad_names") \
	X(OPEN_SILENT, "open-fails-silently", "ERR-01", "errors.unknown_name_is_logged") \
	X(BLOCK_NAME_STAYS, "block-name-stays-taken", "BLK-16", "block.reopen_512") \
	X(BLOCK_NAMES, "block-takes-bad-names", "BLK-10", "block.bad_names") \
	X(BLOCK_UNKNOWN_NAME, "block-unknown-name-is-eio", "BLK-11", "block.unknown_name") \
	/* Networks, inside the backend. */ \
	X(NET_DIRTY_RESERVE, "net-reserves-dirty", "PKT-07", "net.reserve packet.zeroed_after_release") \
	X(NET_DIRTY_HEADROOM, "net-reserves-dirty-headroom", "PKT-07", "net.reserve packet.zeroed_after_trim") \
	X(NET_HEADROOM_SHORT, "net-wrong-headroom", "NET-15", "net.reserve") \
	X(NET_RESERVE_MARKED, "net-reserves-marked", "NET-16", "net.reserve") \
	X(NET_RESERVE_LONG, "net-reserves-with-data", "NET-15", "net.reserve") \
	X(NET_RESERVE_CRAMPED, "net-reserves-too-little", "NET-15", "net.reserve") \
	X(NET_POOL_SMALL, "net-pool-too-small", "NET-03", "net.reserve_whole_pool") \
	X(NET_POOL_OVERLAPS, "net-pool-overlaps", "PKT-01", "packet.alone") \
	X(NET_POOL_NO_WRITABLE, "net-pool-no-writable", "NET-17", "net.reserve_exhausted") \
	X(NET_NO_WRITABLE, "net-no-writable", "NET-20", "net.burst net.paused") \
	X(NET_MUTATES, "net-mutates-borrowed", "NET-25", "net.retained_unchanged") \
	X(NET_FILLS_IN_PLACE, "net-fills-checksum-in-place", "NET-25", "net.blank_checksum") \
	X(NET_OWN_POOL_ONLY, "net-own-pool-only", "NET-19", "net.forward") \
	X(NET_INSIDE_SEND, "net-delivers-inside-send", "LAW-03", "net.echo_inside_receive") \
	X(NET_SENT_BYTES, "net-counts-wrong-sent", "NET-05", "net.burst") \
	X(NET_RECEIVED_BYTES, "net-counts-wrong-received", "NET-05", "net.burst") \
	X(NET_MAC_CHANGES, "net-mac-changes", "NET-04", "net.mac_constant") \
	X(NET_SAME_MAC, "net-same-mac", "NET-04", "net.macs_differ") \
	X(NET_MULTICAST_MAC, "net-multicast-mac", "NET-04", "net.info") \
	X(NET_UNASKED_CAPS, "net-unasked-caps", "LAW-07", "net.info") \
	X(NET_COUNTERS_STAY, "net-counters-stay", "NET-05", "net.reopen") \
	X(NET_FIRST_FRAGMENT_ONLY, "net-first-fragment-only", "NET-26", "net.fragments") \
	X(NET_LEAVES_BLANK, "net-leaves-checksum-blank", "NET-26", "net.blank_checksum net.blank_checksum_accepted") \
	X(NET_UNASKED_MARK, "net-unasked-mark", "NET-26", "net.blank_checksum") \
	X(NET_DROPS_LONGEST, "net-drops-longest", "NET-01", "net.longest_frame") \
	X(NET_PADS, "net-pads", "NET-01", "net.shortest_frame net.every_length") \
	X(NET_CORRUPTS, "net-corrupts", "NET-26", "net.burst net.every_length") \
	X(NET_DUPLICATES, "net-duplicates", "NET-26", "net.burst") \
	X(NET_REORDERS, "net-reorders", "NET-26", "net.burst") \
	X(NET_SILENT_DROP, "net-silent-drop", "NET-02", "net.receiver_holds") \
	X(NET_LEAKS_PACKET, "net-leaks-packet", "PKT-06", "packet.back_after_send net.burst") \
	X(NET_KEEPS_REFERENCE, "net-keeps-a-reference", "NET-06", "net.forward net.receiver_holds") \
	X(NET_RX_EMPTY, "net-delivers-nothing", "NET-06", "net.burst") \
	X(NET_NOBODY_UNCOUNTED, "net-nobody-uncounted", "NET-14", "net.nobody") \
	X(NET_BAD_LENGTH_SILENT, "net-bad-length-uncounted", "NET-02", "net.bad_lengths_arrive") \
	X(NET_DELIVERS_SHORT, "net-delivers-bad-length", "NET-01", "net.bad_lengths_arrive") \
	X(NET_CLOSE_DROPS, "net-close-drops-taken", "NET-10", "net.close_sends_taken") \
	X(NET_NO_CLOSED, "net-no-closed", "NET-11", "net.closed_once net.reopen") \
	X(NET_CLOSED_TWICE, "net-closed-twice", "NET-11", "net.closed_once") \
	X(NET_FREES_HELD, "net-frees-held-packets", "NET-06", "net.held_across_close") \
	X(NET_LINK_STALE, "net-link-before-info", "EVT-01", "net.link events.link_state_first") \
	X(NET_LINK_SILENT, "net-link-silent", "NET-27", "net.link") \
	X(NET_LINK_DROP_SILENT, "net-link-drop-uncounted", "NET-27", "net.link") \
	/* Networks and packets, past the core's checks. */ \
	X(NET_TAKES_TOO_LONG, "net-takes-mtu-15", "NET-21", "net.frame_too_long") \
	X(NET_REFUSES_LONGEST, "net-refuses-mtu-14", "NET-01", "net.longest_frame") \
	X(NET_TAKES_SHORT, "net-takes-13-bytes", "NET-21", "net.frame_too_short") \
	X(NET_TOO_MANY_FRAGMENTS, "net-takes-too-many-fragments", "NET-22", "net.too_many_fragments plain:net.too_many_fragments") \
	X(NET_MARKS_WITHOUT_CAP, "net-takes-marks-without-cap", "NET-23", "plain:net.blank_checksum_unsupported net.segmentation_unsupported") \
	X(NET_MARK_OUTSIDE, "net-takes-mark-outside", "NET-24", "net.mark_outside") \
	X(NET_REFUSED_UNCOUNTED, "net-refused-uncounted", "NET-05", "net.frame_too_long net.stops_at_bad_frame") \
	X(NET_SKIPS_BAD_FRAME, "net-skips-bad-frame", "NET-19", "net.stops_at_bad_frame") \
	X(NET_AFTER_CLOSE, "net-sends-after-close", "NET-10", "net.closed_takes_nothing") \
	X(NET_RESERVES_TOO_LONG, "net-reserves-too-long", "NET-18", "net.reserve_too_long") \
	X(NET_CLOSE_AGAIN, "net-closes-again", "NET-13", "net.close_twice") \
	X(NET_BUSY_MISSING, "net-opens-twice", "NET-09", "net.open_twice") \
	X(NET_OPENS_INSIDE, "net-opens-inside", "LAW-02", "net.opens_later net.bad_names") \
	X(NET_OPENS_TWICE, "net-answers-open-twice", "LAW-01", "net.opens_later") \
	X(NET_NAME_STAYS, "net-name-stays-taken", "NET-12", "net.reopen") \
	X(NET_NAMES, "net-takes-bad-names", "NET-07", "net.bad_names") \
	X(NET_UNKNOWN_NAME, "net-unknown-name-is-eio", "NET-08", "net.unknown_name") \
	X(PACKET_NOT_ZEROED, "packet-not-zeroed", "PKT-07", "packet.zeroed_after_release packet.zeroed_after_send net.received_private") \
	X(PACKET_TRIM_FORGETS, "packet-trim-not-zeroed", "PKT-07", "packet.zeroed_after_trim") \
	X(PACKET_CHAIN_LEAKS, "packet-chain-leaks", "PKT-06", "packet.release_chain packet.chain_comes_back") \
	X(PACKET_RELEASED_TWICE, "packet-tolerates-second-release", "PKT-08", "packet.release_twice") \
	/* Stores, between the cases and the core. */ \
	X(KV_COMPLETES_TWICE, "kv-completes-twice", "LAW-01", "kv.in_flight_memory kv.in_flight_tar") \
	X(KV_INSIDE_SUBMIT, "kv-completes-inside-submit", "LAW-02", "kv.in_flight_memory") \
	X(KV_BAD_KEYS, "kv-takes-bad-keys", "KVS-01", "kv.no_keys_memory kv.no_keys_tar") \
	X(KV_WRITES_READ_ONLY, "kv-ignores-read-only", "KVS-02", "kv.read_only_crunched kv.read_only_tar") \
	X(KV_SAME_VERSION, "kv-same-version", "KVS-03", "kv.versions_memory kv.versions_of_keys_tar") \
	X(KV_CLOSE_DROPS, "kv-close-drops-requests", "KVS-04", "kv.close_in_flight_tar kv.close_in_flight_memory") \
	X(KV_AFTER_CLOSE, "kv-works-after-close", "KVS-05", "kv.close_in_flight_crunched") \
	X(KV_CLOSED_TWICE, "kv-closed-twice", "KVS-06", "kv.close_in_flight_memory") \
	X(KV_UNKNOWN_OP, "kv-takes-unknown-op", "KVS-07", "kv.no_keys_crunched") \
	X(KV_MISSING_IS_EMPTY, "kv-missing-is-empty", "KVS-08", "kv.not_there_memory kv.not_there_crunched") \
	X(KV_TOO_LARGE, "kv-takes-too-large", "KVS-09", "kv.too_large_memory") \
	X(KV_STAT_SIZE, "kv-stat-wrong-size", "KVS-10", "kv.stat_tar kv.set_and_get_memory") \
	X(KV_READ_FROM_START, "kv-reads-from-start", "KVS-11", "kv.read_pieces_tar kv.read_vectors_memory") \
	X(KV_READ_PAST_END, "kv-past-end-is-an-error", "KVS-11", "kv.read_to_the_end_crunched") \
	X(KV_LIST_UNORDERED, "kv-lists-in-disorder", "KVS-12", "kv.list_memory kv.list_tar") \
	X(KV_LIST_ALL, "kv-lists-without-prefix", "KVS-12", "kv.list_crunched") \
	X(KV_SET_TORN, "kv-sets-less", "KVS-13", "kv.all_or_nothing_memory") \
	X(KV_REMOVE_KEEPS, "kv-remove-keeps", "KVS-14", "kv.remove_memory") \
	X(KV_STALE, "kv-shows-the-old-value", "KVS-15", "kv.set_and_get_memory") \
	X(KV_VIEW_MOVES, "kv-view-moves", "KVS-16", "kv.view_crunched") \
	/* Addresses. */ \
	X(IP_READS_ON, "ip-reads-what-follows", "IPA-01", "ip.reads_nothing_else") \
	X(IP_CHANGES_ON_FALSE, "ip-changes-on-false", "IPA-01", "ip.reads_nothing_else") \
	X(IP_PREFIX_TOO_LONG, "ip-prefix-too-long", "IPA-02", "ip.reads_prefixes") \
	X(IP_CAPITALS, "ip-prints-capitals", "IPA-03", "ip.prints") \
	X(IP_NO_BRACKETS, "ip-prints-without-brackets", "IPA-04", "ip.prints_ports") \
	X(IP_EQUAL_ELSEWHERE, "ip-equal-on-another-interface", "IPA-05", "ip.equal") \
	/* Flows, past the core. */ \
	X(FLOW_CORRUPTS, "flow-corrupts", "FLW-01", "flow.bytes_arrive_tcpip4 flow.many_writes_tcpip6") \
	X(FLOW_SWALLOWS, "flow-swallows-all", "FLW-02", "flow.slow_reader_tcpip4") \
	X(FLOW_READS_NOTHING, "flow-reads-nothing", "FLW-03", "flow.lent_bytes_tcpip4") \
	X(FLOW_LENT_CHANGES, "flow-lent-bytes-change", "FLW-04", "flow.lent_bytes_tcpip4 flow.lent_bytes_tcpip6") \
	X(FLOW_READ_TWICE, "flow-tolerates-second-read", "FLW-05", "flow.read_twice_tcpip4") \
	X(FLOW_END_ONCE, "flow-says-the-end-once", "FLW-06", "flow.shutdown_ends_tcpip4") \
	X(FLOW_WRITES_REORDERED, "flow-reorders-writes", "FLW-07", "flow.many_writes_tcpip4") \
	X(FLOW_DONE_UNORDERED, "flow-completes-in-disorder", "FLW-08", "flow.bytes_arrive_tcpip4") \
	X(FLOW_EMPTY_FORGOTTEN, "flow-forgets-empty-writes", "FLW-09", "flow.empty_writes_tcpip4") \
	X(FLOW_AFTER_SHUTDOWN, "flow-writes-after-shutdown", "FLW-10", "flow.write_after_shutdown_tcpip6") \
	X(FLOW_SHUT_BOTH, "flow-shuts-both-down", "FLW-11", "flow.shutdown_ends_tcpip6") \
	X(FLOW_CLOSE_FORGETS, "flow-close-forgets-the-read", "FLW-12", "flow.close_cancels_read_tcpip4") \
	X(FLOW_CLOSE_RESETS, "flow-close-resets", "FLW-13", "flow.close_sends_tcpip4") \
	X(FLOW_ABORT_GENTLE, "flow-aborts-gently", "FLW-14", "flow.abort_fails_writes_tcpip4") \
	X(FLOW_ABORT_LIES, "flow-abort-says-written", "FLW-15", "flow.abort_resets_tcpip4 flow.abort_after_close_tcpip6") \
	X(FLOW_INSIDE_WRITE, "flow-completes-inside-write", "LAW-02", "flow.completes_once_tcpip4") \
	X(FLOW_INSIDE_READ, "flow-answers-inside-read", "LAW-02", "flow.completes_once_tcpip6") \
	X(FLOW_TWICE, "flow-answers-twice", "LAW-01", "flow.completes_once_tcpip4") \
	X(FLOW_STACK_ERROR, "flow-of-a-closed-stack-is-eio", "STK-04", "stack.close_ends_all_tcpip4") \
	/* Stacks, TCP, UDP and names, past the core. */ \
	X(STACK_ARGUMENTS_STAY, "stack-arguments-stay", "STK-01", "stack.arguments") \
	X(STACK_ARGUMENTS_ANY, "stack-takes-any-argument", "STK-02", "stack.wrong_arguments") \
	X(STACK_WITHOUT_LEASE, "stack-opens-without-lease", "STK-03", "stack.waits_for_lease") \
	X(STACK_CLOSED_TWICE, "stack-closed-twice", "STK-05", "stack.closed_takes_nothing_tcpip4") \
	X(STACK_ADDRESS_SILENT, "stack-address-silent", "STK-06", "stack.advertised") \
	X(TCP_WRONG_PEER, "tcp-wrong-peer", "TCP-01", "tcp.connects_tcpip4") \
	X(TCP_REFUSED_SILENT, "tcp-refused-is-a-timeout", "TCP-02", "tcp.refused_tcpip4 tcp.refused_tcpip6") \
	X(TCP_IMPATIENT, "tcp-without-timeout", "TCP-03", "tcp.times_out_tcpip4") \
	X(TCP_CANCEL_IGNORED, "tcp-cancel-ignored", "TCP-04", "tcp.canceled_tcpip4") \
	X(TCP_NO_PORT, "tcp-port-unknown", "TCP-05", "tcp.free_port_tcpip4") \
	X(TCP_BACKLOG_IGNORED, "tcp-backlog-ignored", "TCP-06", "tcp.beyond_the_backlog_tcpip4") \
	X(TCP_BUSY_MISSING, "tcp-busy-is-eacces", "TCP-07", "tcp.port_taken_tcpip4") \
	X(TCP_ACCEPT_LOST, "tcp-loses-an-accept", "TCP-08", "tcp.accepts_later_tcpip4") \
	X(TCP_ACCEPT_TWICE, "tcp-tolerates-second-accept", "TCP-09", "tcp.accept_twice_tcpip4") \
	X(TCP_UNLISTEN_SILENT, "tcp-unlisten-forgets-the-accept", "TCP-10", "tcp.unlistens_tcpip4") \
	X(TCP_UNLISTEN_RESETS, "tcp-unlisten-resets", "TCP-11", "tcp.unlistens_tcpip6") \
	X(TCP_PORT_STAYS, "tcp-port-stays-taken", "TCP-12", "tcp.unlistens_tcpip4") \
	X(TCP_CONNECT_INSIDE, "tcp-fails-inside-connect", "LAW-02", "tcp.connects_tcpip4") \
	X(TCP_CONNECTS_TWICE, "tcp-connects-twice", "LAW-01", "tcp.connects_tcpip6") \
	X(UDP_TRUNCATES, "udp-truncates", "UDP-01", "udp.arrives_tcpip4") \
	X(UDP_NO_PORT, "udp-port-unknown", "UDP-02", "udp.free_port_tcpip4") \
	X(UDP_BUSY_MISSING, "udp-busy-is-eacces", "UDP-03", "udp.port_taken_tcpip6") \
	X(UDP_FIRST_VECTOR, "udp-sends-first-vector", "UDP-04", "udp.answers_tcpip4") \
	X(UDP_TOO_LONG, "udp-takes-too-long", "UDP-05", "udp.too_long_tcpip4") \
	X(UDP_ANYWHERE, "udp-sends-anywhere", "UDP-06", "udp.malformed_tcpip4") \
	X(UDP_STAYS_OPEN, "udp-stays-open", "UDP-07", "udp.closed_tcpip4") \
	X(RESOLVE_IPV4_FIRST, "resolve-ipv4-first", "RES-01", "resolve.finds_tcpip4") \
	X(RESOLVE_NO_ADDRESSES, "resolve-not-of-addresses", "RES-02", "resolve.addresses_tcpip4") \
	X(RESOLVE_UNKNOWN, "resolve-unknown-is-eio", "RES-03", "resolve.unknown_tcpip4") \
	X(RESOLVE_BAD_NAMES, "resolve-bad-name-is-unknown", "RES-04", "resolve.malformed_tcpip4") \
	X(RESOLVE_CANCEL_IGNORED, "resolve-cancel-ignored", "RES-05", "resolve.canceled_tcpip4") \
	/* Timers. */ \
	X(TIMER_EARLY, "timer-early", "TIM-01", "time.never_early") \
	X(TIMER_UNORDERED, "timer-wrong-order", "TIM-03", "time.order_of_deadlines") \
	X(TIMER_LAST_FIRST, "timer-equals-reversed", "TIM-03", "time.order_of_equals") \
	X(TIMER_TWICE, "timer-fires-twice", "TIM-01", "time.never_early") \
	X(TIMER_NOT_MOVED, "timer-restart-does-not-move", "TIM-04", "time.restart_moves") \
	X(TIMER_INSIDE_START, "timer-runs-inside-start", "TIM-02", "time.passed_deadline") \
	X(TIMER_CANCEL_IDLE, "timer-canceled-fires", "TIM-07", "time.cancelled_never_runs") \
	X(TIMER_CANCEL_LIES, "timer-cancel-says-no", "TIM-08", "time.cancelled_by_an_equal time.cancelled_never_runs") \
	X(TIMER_ARMED_LIES, "timer-always-armed", "TIM-09", "time.armed time.idle_inside") \
	X(TIMER_STOPS_AFTER, "timer-restart-inside-is-lost", "TIM-06", "time.idle_inside") \
	X(TIMER_WRAPS, "timer-32-bits-of-microseconds", "TIM-01", "time.far_deadlines") \
	/* Clocks, random, console, life. */ \
	X(CLOCK_STEPS_BACK, "clock-steps-back", "CLK-01", "clock.never_back") \
	X(CLOCK_COARSE, "clock-finer-than-it-says", "CLK-04", "clock.steps") \
	X(CLOCK_NO_RESOLUTION, "clock-no-resolution", "CLK-03", "clock.resolution") \
	X(CLOCK_INFO_CHANGES, "clock-info-changes", "CLK-05", "clock.info_constant") \
	X(RESUME_CLOCK_BACK, "clock-back-after-suspension", "CLK-01", "events.resumed") \
	X(RANDOM_CONSTANT, "random-constant", "RND-02", "random.unrelated") \
	X(RANDOM_SHORT, "random-short", "RND-02", "random.large") \
	X(RANDOM_OUTSIDE, "random-writes-outside", "RND-03", "random.within_bounds") \
	X(RANDOM_FAILS_OPEN, "random-fails-open", "RND-01", "random.fails_closed") \
	X(CONSOLE_TWICE, "console-duplicates", "CON-01", "console.output_unchanged") \
	X(CONSOLE_CARRIAGE, "console-adds-carriage-returns", "CON-01", "console.output_unchanged") \
	X(CONSOLE_NEVER_SHORT, "console-never-short", "CON-03", "console.never_blocks") \
	X(CONSOLE_NO_EVENT, "console-short-without-event", "CON-04", "console.never_blocks") \
	X(CONSOLE_GONE_SWALLOWS, "console-gone-swallows", "CON-05", "console.reader_gone") \
	X(CONSOLE_LOG_MIXED, "console-log-mixed-in", "CON-08", "console.log_apart") \
	X(CONSOLE_SWALLOWS_INPUT, "console-swallows-input", "CON-07", "console.stopped_reader") \
	X(CONSOLE_LOST_AT_EXIT, "console-lost-at-exit", "APP-07", "app.exit_writes_console") \
	X(SHUTDOWN_EXITS, "shutdown-exits-at-once", "EVT-03", "events.shutdown_handled") \
	X(SHUTDOWN_IGNORED, "shutdown-ignored", "EVT-02", "events.shutdown_ends events.shutdown_handled") \
	X(EXIT_STATUS, "exit-status-lost", "APP-05", "app.status")
/* clang-format on */

#endif /* SELFTEST_BUGS_H */
