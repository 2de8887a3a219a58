/* SPDX-License-Identifier: ISC */
/*
 * abi.c: pins the layout and the values of mirage.h for the two data models that
 * exist, LP64 and ILP32 with 8-byte alignment of 64-bit integers (as WebAssembly
 * has it). It compiles or it does not. Until version 1 a change here is allowed;
 * it must be seen, and made in every backend at once.
 */
#include "abi.h"

/* Errors. */
VALUE(MIRAGE_OK, 0);
VALUE(MIRAGE_EAGAIN, -1);
VALUE(MIRAGE_EINVAL, -2);
VALUE(MIRAGE_ENODEV, -3);
VALUE(MIRAGE_EBUSY, -4);
VALUE(MIRAGE_EACCES, -5);
VALUE(MIRAGE_EROFS, -6);
VALUE(MIRAGE_ERANGE, -7);
VALUE(MIRAGE_EALIGN, -8);
VALUE(MIRAGE_EMSGSIZE, -9);
VALUE(MIRAGE_ENOMEM, -10);
VALUE(MIRAGE_ENOSPC, -11);
VALUE(MIRAGE_EIO, -12);
VALUE(MIRAGE_EGONE, -13);
VALUE(MIRAGE_ECANCELED, -14);
VALUE(MIRAGE_ETIMEDOUT, -15);
VALUE(MIRAGE_ENOSYS, -16);
VALUE(MIRAGE_ENOTSUP, -17);
VALUE(MIRAGE_ENOENT, -18);
VALUE(MIRAGE_EREFUSED, -19);
VALUE(MIRAGE_ERESET, -20);
VALUE(MIRAGE_EUNREACH, -21);

/* enum mirage_event */
VALUE(MIRAGE_EVENT_SHUTDOWN, 1);
VALUE(MIRAGE_EVENT_RESUMED, 2);
VALUE(MIRAGE_EVENT_CONSOLE, 3);
VALUE(MIRAGE_EVENT_WRITABLE, 4);
VALUE(MIRAGE_EVENT_LINK, 5);
VALUE(MIRAGE_EVENT_RESIZED, 6);
VALUE(MIRAGE_EVENT_CAPS, 7);
VALUE(MIRAGE_EVENT_LOST, 8);
VALUE(MIRAGE_EVENT_BACK, 9);
VALUE(MIRAGE_EVENT_CLOSED, 10);
VALUE(MIRAGE_EVENT_ADDRESS, 11);

/* enum mirage_log_level */
VALUE(MIRAGE_LOG_ERROR, 0);
VALUE(MIRAGE_LOG_WARN, 1);
VALUE(MIRAGE_LOG_INFO, 2);
VALUE(MIRAGE_LOG_DEBUG, 3);

/* enum mirage_csum */
VALUE(MIRAGE_CSUM_NONE, 0);
VALUE(MIRAGE_CSUM_VERIFIED, 1);
VALUE(MIRAGE_CSUM_BLANK, 2);

/* enum mirage_gso */
VALUE(MIRAGE_GSO_NONE, 0);
VALUE(MIRAGE_GSO_TCPV4, 1);
VALUE(MIRAGE_GSO_TCPV6, 2);

/* enum mirage_net_cap */
VALUE(MIRAGE_NET_CAP_FRAGMENTS, 1u << 0);
VALUE(MIRAGE_NET_CAP_TX_CSUM, 1u << 1);
VALUE(MIRAGE_NET_CAP_TX_GSO4, 1u << 2);
VALUE(MIRAGE_NET_CAP_TX_GSO6, 1u << 3);
VALUE(MIRAGE_NET_CAP_RX_CSUM, 1u << 4);
VALUE(MIRAGE_NET_CAP_RX_GSO4, 1u << 5);
VALUE(MIRAGE_NET_CAP_RX_GSO6, 1u << 6);
VALUE(MIRAGE_NET_CAP_LINK, 1u << 7);

/* enum mirage_block_cap */
VALUE(MIRAGE_BLOCK_CAP_WRITE, 1u << 0);
VALUE(MIRAGE_BLOCK_CAP_FLUSH, 1u << 1);
VALUE(MIRAGE_BLOCK_CAP_DISCARD, 1u << 2);
VALUE(MIRAGE_BLOCK_CAP_WRITE_ZEROES, 1u << 3);
VALUE(MIRAGE_BLOCK_CAP_RESIZE, 1u << 4);

/* enum mirage_block_op */
VALUE(MIRAGE_BLOCK_READ, 1);
VALUE(MIRAGE_BLOCK_WRITE, 2);
VALUE(MIRAGE_BLOCK_FLUSH, 3);
VALUE(MIRAGE_BLOCK_DISCARD, 4);
VALUE(MIRAGE_BLOCK_WRITE_ZEROES, 5);
VALUE(MIRAGE_NET_ACCEPT_ALL, 0x70);

SIZE(mirage_console_ops, 32, 16);
AT(mirage_console_ops, size, 0, 0);
AT(mirage_console_ops, write, 8, 4);
AT(mirage_console_ops, read_enable, 16, 8);
AT(mirage_console_ops, log, 24, 12);

SIZE(mirage_clock_info, 24, 24);
AT(mirage_clock_info, size, 0, 0);
AT(mirage_clock_info, counts_suspended, 4, 4);
AT(mirage_clock_info, monotonic_resolution_ns, 8, 8);
AT(mirage_clock_info, wall_resolution_ns, 16, 16);

SIZE(mirage_clock_ops, 32, 16);
AT(mirage_clock_ops, size, 0, 0);
AT(mirage_clock_ops, monotonic_ns, 8, 4);
AT(mirage_clock_ops, wall_ns, 16, 8);
AT(mirage_clock_ops, info, 24, 12);

SIZE(mirage_timer, 56, 40);
AT(mirage_timer, deadline_ns, 0, 0);
AT(mirage_timer, order, 8, 8);
AT(mirage_timer, on_time, 16, 16);
AT(mirage_timer, arg, 24, 20);
AT(mirage_timer, child, 32, 24);
AT(mirage_timer, sibling, 40, 28);
AT(mirage_timer, previous, 48, 32);

SIZE(mirage_time_ops, 16, 8);
AT(mirage_time_ops, size, 0, 0);
AT(mirage_time_ops, wake_at, 8, 4);

SIZE(mirage_random_ops, 16, 8);
AT(mirage_random_ops, size, 0, 0);
AT(mirage_random_ops, fill, 8, 4);

SIZE(mirage_packet, 88, 64);
AT(mirage_packet, data, 0, 0);
AT(mirage_packet, length_bytes, 8, 4);
AT(mirage_packet, references, 12, 8);
AT(mirage_packet, next, 16, 12);
AT(mirage_packet, csum, 24, 16);
AT(mirage_packet, gso, 25, 17);
AT(mirage_packet, gso_size_bytes, 26, 18);
AT(mirage_packet, csum_start_bytes, 28, 20);
AT(mirage_packet, csum_offset_bytes, 30, 22);
AT(mirage_packet, buffer, 32, 24);
AT(mirage_packet, capacity_bytes, 40, 28);
AT(mirage_packet, dirty_from_bytes, 44, 32);
AT(mirage_packet, dirty_to_bytes, 48, 36);
AT(mirage_packet, recycle, 56, 40);
AT(mirage_packet, owner, 64, 44);
AT(mirage_packet, backend, 72, 48);

SIZE(mirage_net_info, 36, 36);
AT(mirage_net_info, size, 0, 0);
AT(mirage_net_info, caps, 4, 4);
AT(mirage_net_info, mtu_bytes, 8, 8);
AT(mirage_net_info, headroom_bytes, 12, 12);
AT(mirage_net_info, gso_max_bytes, 16, 16);
AT(mirage_net_info, max_fragments, 20, 20);
AT(mirage_net_info, pool_frames, 24, 24);
AT(mirage_net_info, mac, 28, 28);
AT(mirage_net_info, link_up, 34, 34);

SIZE(mirage_net_counters, 96, 96);
AT(mirage_net_counters, size, 0, 0);
AT(mirage_net_counters, rx_frames, 8, 8);
AT(mirage_net_counters, rx_bytes, 16, 16);
AT(mirage_net_counters, tx_frames, 24, 24);
AT(mirage_net_counters, tx_bytes, 32, 32);
AT(mirage_net_counters, rx_dropped_nobody, 40, 40);
AT(mirage_net_counters, rx_dropped_memory, 48, 48);
AT(mirage_net_counters, rx_dropped_size, 56, 56);
AT(mirage_net_counters, rx_dropped_invalid, 64, 64);
AT(mirage_net_counters, tx_dropped_link, 72, 72);
AT(mirage_net_counters, tx_dropped_error, 80, 80);
AT(mirage_net_counters, tx_refused, 88, 88);

SIZE(mirage_net, 80, 44);
AT(mirage_net, ops, 0, 0);
AT(mirage_net, info, 8, 4);
AT(mirage_net, counters, 16, 8);
AT(mirage_net, name, 24, 12);
AT(mirage_net, on_receive, 32, 16);
AT(mirage_net, receive_arg, 40, 20);
AT(mirage_net, on_event, 48, 24);
AT(mirage_net, event_arg, 56, 28);
AT(mirage_net, events, 64, 32);
AT(mirage_net, state, 68, 36);
AT(mirage_net, next, 72, 40);

SIZE(mirage_net_ops, 40, 20);
AT(mirage_net_ops, size, 0, 0);
AT(mirage_net_ops, reserve, 8, 4);
AT(mirage_net_ops, send, 16, 8);
AT(mirage_net_ops, close, 24, 12);
AT(mirage_net_ops, dispose, 32, 16);

SIZE(mirage_block_info, 48, 48);
AT(mirage_block_info, size, 0, 0);
AT(mirage_block_info, caps, 4, 4);
AT(mirage_block_info, size_bytes, 8, 8);
AT(mirage_block_info, sector_bytes, 16, 16);
AT(mirage_block_info, physical_sector_bytes, 20, 20);
AT(mirage_block_info, buffer_align_bytes, 24, 24);
AT(mirage_block_info, max_vectors, 28, 28);
AT(mirage_block_info, max_transfer_bytes, 32, 32);
AT(mirage_block_info, queue_depth, 36, 36);
AT(mirage_block_info, max_discard_bytes, 40, 40);

SIZE(mirage_block_counters, 80, 80);
AT(mirage_block_counters, size, 0, 0);
AT(mirage_block_counters, reads, 8, 8);
AT(mirage_block_counters, read_bytes, 16, 16);
AT(mirage_block_counters, writes, 24, 24);
AT(mirage_block_counters, written_bytes, 32, 32);
AT(mirage_block_counters, flushes, 40, 40);
AT(mirage_block_counters, discards, 48, 48);
AT(mirage_block_counters, write_zeroes, 56, 56);
AT(mirage_block_counters, refused, 64, 64);
AT(mirage_block_counters, errors, 72, 72);

SIZE(mirage_vector, 16, 8);
AT(mirage_vector, base, 0, 0);
AT(mirage_vector, length_bytes, 8, 4);

SIZE(mirage_block_request, 120, 104);
AT(mirage_block_request, op, 0, 0);
AT(mirage_block_request, n_vectors, 4, 4);
AT(mirage_block_request, vectors, 8, 8);
AT(mirage_block_request, offset_bytes, 16, 16);
AT(mirage_block_request, length_bytes, 24, 24);
AT(mirage_block_request, done, 32, 32);
AT(mirage_block_request, arg, 40, 36);
AT(mirage_block_request, block, 48, 40);
AT(mirage_block_request, next, 56, 44);
AT(mirage_block_request, result, 64, 48);
AT(mirage_block_request, state, 68, 52);
AT(mirage_block_request, backend, 72, 56);

SIZE(mirage_block, 88, 52);
AT(mirage_block, ops, 0, 0);
AT(mirage_block, info, 8, 4);
AT(mirage_block, counters, 16, 8);
AT(mirage_block, name, 24, 12);
AT(mirage_block, on_event, 32, 16);
AT(mirage_block, event_arg, 40, 20);
AT(mirage_block, waiting, 48, 24);
AT(mirage_block, waiting_end, 56, 28);
AT(mirage_block, in_flight, 64, 32);
AT(mirage_block, pending, 68, 36);
AT(mirage_block, events, 72, 40);
AT(mirage_block, state, 76, 44);
AT(mirage_block, next, 80, 48);

SIZE(mirage_block_ops, 32, 16);
AT(mirage_block_ops, size, 0, 0);
AT(mirage_block_ops, submit, 8, 4);
AT(mirage_block_ops, close, 16, 8);
AT(mirage_block_ops, dispose, 24, 12);

/* Key-value stores. */
VALUE(MIRAGE_KV_CAP_WRITE, 1u << 0);
VALUE(MIRAGE_KV_CAP_DURABLE, 1u << 1);
VALUE(MIRAGE_KV_CAP_VIEW, 1u << 2);
VALUE(MIRAGE_KV_STAT, 1);
VALUE(MIRAGE_KV_READ, 2);
VALUE(MIRAGE_KV_LIST, 3);
VALUE(MIRAGE_KV_SET, 4);
VALUE(MIRAGE_KV_REMOVE, 5);
VALUE(MIRAGE_KV_KEY_MAX, 255);

SIZE(mirage_kv_info, 16, 16);
AT(mirage_kv_info, size, 0, 0);
AT(mirage_kv_info, caps, 4, 4);
AT(mirage_kv_info, max_value_bytes, 8, 8);

SIZE(mirage_kv_value, 40, 40);
AT(mirage_kv_value, size_bytes, 0, 0);
AT(mirage_kv_value, modified_ns, 8, 8);
AT(mirage_kv_value, version, 16, 16);
AT(mirage_kv_value, content_type, 32, 32);

SIZE(mirage_kv_request, 184, 160);
AT(mirage_kv_request, op, 0, 0);
AT(mirage_kv_request, n_vectors, 4, 4);
AT(mirage_kv_request, key, 8, 8);
AT(mirage_kv_request, vectors, 16, 12);
AT(mirage_kv_request, offset_bytes, 24, 16);
AT(mirage_kv_request, on_key, 32, 24);
AT(mirage_kv_request, done, 40, 28);
AT(mirage_kv_request, arg, 48, 32);
AT(mirage_kv_request, value, 56, 40);
AT(mirage_kv_request, kv, 96, 80);
AT(mirage_kv_request, next, 104, 84);
AT(mirage_kv_request, result, 112, 88);
AT(mirage_kv_request, state, 116, 92);
AT(mirage_kv_request, implementation, 120, 96);

SIZE(mirage_kv, 56, 32);
AT(mirage_kv, ops, 0, 0);
AT(mirage_kv, info, 8, 4);
AT(mirage_kv, name, 16, 8);
AT(mirage_kv, on_event, 24, 12);
AT(mirage_kv, event_arg, 32, 16);
AT(mirage_kv, pending, 40, 20);
AT(mirage_kv, state, 44, 24);
AT(mirage_kv, next, 48, 28);

SIZE(mirage_kv_ops, 40, 20);
AT(mirage_kv_ops, size, 0, 0);
AT(mirage_kv_ops, submit, 8, 4);
AT(mirage_kv_ops, view, 16, 8);
AT(mirage_kv_ops, close, 24, 12);
AT(mirage_kv_ops, dispose, 32, 16);

SIZE(mirage_ambient, 40, 20);
AT(mirage_ambient, size, 0, 0);
AT(mirage_ambient, console, 8, 4);
AT(mirage_ambient, clock, 16, 8);
AT(mirage_ambient, time, 24, 12);
AT(mirage_ambient, random, 32, 16);

SIZE(mirage_backend, 80, 40);
AT(mirage_backend, size, 0, 0);
AT(mirage_backend, name, 8, 4);
AT(mirage_backend, ambient, 16, 8);
AT(mirage_backend, run, 24, 12);
AT(mirage_backend, net_open, 32, 16);
AT(mirage_backend, block_open, 40, 20);
AT(mirage_backend, options, 48, 24);
AT(mirage_backend, usage, 56, 28);
AT(mirage_backend, kv_open, 64, 32);
AT(mirage_backend, stack_open, 72, 36);

SIZE(mirage_option, 24, 12);
AT(mirage_option, name, 0, 0);
AT(mirage_option, value_name, 8, 4);
AT(mirage_option, help, 16, 8);

/* A program may rely on these. */
_Static_assert(alignof(struct mirage_block_request) == 8, "alignment");
_Static_assert(sizeof(bool) == 1, "bool is one byte");
