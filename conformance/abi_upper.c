/* SPDX-License-Identifier: ISC */
/* abi_upper.c: as abi.c, for the upper signatures. */
#include "abi.h"

VALUE(MIRAGE_IP_TEXT_MAX, 64);
VALUE(MIRAGE_INTERFACES_MAX, 4);
VALUE(MIRAGE_DNS_MAX, 3);
VALUE(MIRAGE_IPV6_MAX, 4);
VALUE(MIRAGE_KV_KEY_MAX, 255);

/* enum mirage_kv_cap */
VALUE(MIRAGE_KV_CAP_WRITE, 1u << 0);
VALUE(MIRAGE_KV_CAP_DURABLE, 1u << 1);
VALUE(MIRAGE_KV_CAP_VIEW, 1u << 2);

/* enum mirage_kv_op */
VALUE(MIRAGE_KV_STAT, 1);
VALUE(MIRAGE_KV_READ, 2);
VALUE(MIRAGE_KV_LIST, 3);
VALUE(MIRAGE_KV_SET, 4);
VALUE(MIRAGE_KV_REMOVE, 5);

SIZE(mirage_ip, 18, 18);
AT(mirage_ip, bytes, 0, 0);
AT(mirage_ip, version, 16, 16);
AT(mirage_ip, interface, 17, 17);

SIZE(mirage_endpoint, 20, 20);
AT(mirage_endpoint, ip, 0, 0);
AT(mirage_endpoint, port, 18, 18);

SIZE(mirage_flow_write, 80, 56);
AT(mirage_flow_write, vectors, 0, 0);
AT(mirage_flow_write, n_vectors, 8, 4);
AT(mirage_flow_write, done, 16, 8);
AT(mirage_flow_write, arg, 24, 12);
AT(mirage_flow_write, flow, 32, 16);
AT(mirage_flow_write, next, 40, 20);
AT(mirage_flow_write, length_bytes, 48, 24);
AT(mirage_flow_write, implementation, 56, 32);

SIZE(mirage_flow, 72, 60);
AT(mirage_flow, ops, 0, 0);
AT(mirage_flow, local, 8, 4);
AT(mirage_flow, peer, 28, 24);
AT(mirage_flow, on_read, 48, 44);
AT(mirage_flow, read_arg, 56, 48);
AT(mirage_flow, writes, 64, 52);
AT(mirage_flow, state, 68, 56);

SIZE(mirage_flow_ops, 64, 32);
AT(mirage_flow_ops, size, 0, 0);
AT(mirage_flow_ops, read, 8, 4);
AT(mirage_flow_ops, write, 16, 8);
AT(mirage_flow_ops, shutdown, 24, 12);
AT(mirage_flow_ops, close, 32, 16);
AT(mirage_flow_ops, abort, 40, 20);
AT(mirage_flow_ops, nodelay, 48, 24);
AT(mirage_flow_ops, keepalive, 56, 28);

SIZE(mirage_interface_config, 88, 80);
AT(mirage_interface_config, name, 0, 0);
AT(mirage_interface_config, dhcp, 8, 4);
AT(mirage_interface_config, no_slaac, 9, 5);
AT(mirage_interface_config, ipv4_prefix_bits, 10, 6);
AT(mirage_interface_config, ipv6_prefix_bits, 11, 7);
AT(mirage_interface_config, ipv4, 12, 8);
AT(mirage_interface_config, gateway4, 30, 26);
AT(mirage_interface_config, ipv6, 48, 44);
AT(mirage_interface_config, gateway6, 66, 62);

SIZE(mirage_stack_config, 424, 388);
AT(mirage_stack_config, size, 0, 0);
AT(mirage_stack_config, n_interfaces, 4, 4);
AT(mirage_stack_config, n_dns, 8, 8);
AT(mirage_stack_config, interfaces, 16, 12);
AT(mirage_stack_config, dns, 368, 332);

SIZE(mirage_interface_info, 176, 176);
AT(mirage_interface_info, name, 0, 0);
AT(mirage_interface_info, mtu_bytes, 8, 4);
AT(mirage_interface_info, mac, 12, 8);
AT(mirage_interface_info, link_up, 18, 14);
AT(mirage_interface_info, ipv4_prefix_bits, 19, 15);
AT(mirage_interface_info, n_ipv6, 20, 16);
AT(mirage_interface_info, ipv6_prefix_bits, 21, 17);
AT(mirage_interface_info, ipv4, 22, 18);
AT(mirage_interface_info, gateway4, 40, 36);
AT(mirage_interface_info, gateway6, 58, 54);
AT(mirage_interface_info, ipv6, 76, 72);
AT(mirage_interface_info, dhcp_server, 148, 144);
AT(mirage_interface_info, lease_end_ns, 168, 168);

SIZE(mirage_stack_info, 776, 776);
AT(mirage_stack_info, size, 0, 0);
AT(mirage_stack_info, n_interfaces, 4, 4);
AT(mirage_stack_info, n_dns, 8, 8);
AT(mirage_stack_info, interfaces, 16, 16);
AT(mirage_stack_info, dns, 720, 720);

SIZE(mirage_stack_counters, 88, 88);
AT(mirage_stack_counters, size, 0, 0);
AT(mirage_stack_counters, rx_dropped_memory, 8, 8);
AT(mirage_stack_counters, rx_dropped_checksum, 16, 16);
AT(mirage_stack_counters, rx_dropped_invalid, 24, 24);
AT(mirage_stack_counters, rx_dropped_nobody, 32, 32);
AT(mirage_stack_counters, tx_dropped_memory, 40, 40);
AT(mirage_stack_counters, tx_dropped_full, 48, 48);
AT(mirage_stack_counters, tcp_accepted, 56, 56);
AT(mirage_stack_counters, tcp_connected, 64, 64);
AT(mirage_stack_counters, tcp_dropped_backlog, 72, 72);
AT(mirage_stack_counters, tcp_retransmitted, 80, 80);

SIZE(mirage_stack, 48, 24);
AT(mirage_stack, ops, 0, 0);
AT(mirage_stack, info, 8, 4);
AT(mirage_stack, counters, 16, 8);
AT(mirage_stack, on_event, 24, 12);
AT(mirage_stack, event_arg, 32, 16);
AT(mirage_stack, state, 40, 20);

SIZE(mirage_tcp_connect, 144, 128);
AT(mirage_tcp_connect, to, 0, 0);
AT(mirage_tcp_connect, from, 20, 20);
AT(mirage_tcp_connect, timeout_ns, 40, 40);
AT(mirage_tcp_connect, done, 48, 48);
AT(mirage_tcp_connect, arg, 56, 52);
AT(mirage_tcp_connect, stack, 64, 56);
AT(mirage_tcp_connect, next, 72, 60);
AT(mirage_tcp_connect, implementation, 80, 64);

SIZE(mirage_listener, 56, 36);
AT(mirage_listener, stack, 0, 0);
AT(mirage_listener, local, 8, 4);
AT(mirage_listener, on_accept, 32, 24);
AT(mirage_listener, accept_arg, 40, 28);
AT(mirage_listener, state, 48, 32);

SIZE(mirage_udp, 56, 36);
AT(mirage_udp, stack, 0, 0);
AT(mirage_udp, local, 8, 4);
AT(mirage_udp, on_receive, 32, 24);
AT(mirage_udp, receive_arg, 40, 28);
AT(mirage_udp, state, 48, 32);

SIZE(mirage_resolve, 120, 96);
AT(mirage_resolve, name, 0, 0);
AT(mirage_resolve, version, 8, 4);
AT(mirage_resolve, n_ips, 12, 8);
AT(mirage_resolve, ips, 16, 12);
AT(mirage_resolve, done, 24, 16);
AT(mirage_resolve, arg, 32, 20);
AT(mirage_resolve, stack, 40, 24);
AT(mirage_resolve, next, 48, 28);
AT(mirage_resolve, implementation, 56, 32);

SIZE(mirage_stack_ops, 96, 48);
AT(mirage_stack_ops, size, 0, 0);
AT(mirage_stack_ops, connect, 8, 4);
AT(mirage_stack_ops, cancel, 16, 8);
AT(mirage_stack_ops, listen, 24, 12);
AT(mirage_stack_ops, accept, 32, 16);
AT(mirage_stack_ops, unlisten, 40, 20);
AT(mirage_stack_ops, udp_open, 48, 24);
AT(mirage_stack_ops, udp_send, 56, 28);
AT(mirage_stack_ops, udp_close, 64, 32);
AT(mirage_stack_ops, resolve, 72, 36);
AT(mirage_stack_ops, resolve_cancel, 80, 40);
AT(mirage_stack_ops, close, 88, 44);

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
