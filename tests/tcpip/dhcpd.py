# SPDX-License-Identifier: ISC
"""A DHCP server (RFC 2131) that can do what dnsmasq refuses: leases of seconds,
another address, a NAK. Given a socket at port 67 it answers when it is told to."""
import socket
import struct

import lab

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7
MAGIC = b"\x63\x82\x53\x63"


class Server:
    def __init__(self, interface="tap0", server="10.0.0.1"):
        self.server = socket.inet_aton(server)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setsockopt(socket.SOL_SOCKET, 25, interface.encode())
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.s.bind(("0.0.0.0", 67))
        self.s.settimeout(lab.PATIENCE_S)

    def close(self):
        self.s.close()

    def hear(self):
        """The next message: its kind, whether it came by broadcast or not is in
        `ciaddr`, and its options."""
        message, _ = self.s.recvfrom(2000)
        assert message[236:240] == MAGIC, "no DHCP"
        options, at = {}, 240
        while message[at] != 255:
            if message[at] == 0:
                at += 1
                continue
            n = message[at + 1]
            options[message[at]] = message[at + 2:at + 2 + n]
            at += 2 + n
        self.last = message
        return options[53][0], socket.inet_ntoa(message[12:16]), options

    def say(self, kind, address, lease_s=0, *more):
        options = bytes([53, 1, kind, 54, 4]) + self.server
        if kind != NAK:
            options += b"\x01\x04\xff\xff\xff\x00\x03\x04" + self.server
            options += b"\x33\x04" + struct.pack("!I", lease_s)
        for code, value in more:
            options += bytes([code, len(value)]) + value
        message = (b"\x02" + self.last[1:12] + bytes(4) +
                   socket.inet_aton(address) + self.server + bytes(4) +
                   self.last[28:44] + bytes(192) + MAGIC + options + b"\xff")
        self.s.sendto(message.ljust(300, b"\0"), ("255.255.255.255", 68))

    def lease(self, address, lease_s, *more):
        """A whole conversation, from DISCOVER to ACK."""
        kind, _, _ = self.hear()
        assert kind == DISCOVER, kind
        self.say(OFFER, address, lease_s, *more)
        kind, _, options = self.hear()
        while kind == DISCOVER:  # asked again before it heard
            self.say(OFFER, address, lease_s, *more)
            kind, _, options = self.hear()
        assert kind == REQUEST, kind
        assert options[50] == socket.inet_aton(address), options
        assert options[54] == self.server, options
        self.say(ACK, address, lease_s, *more)
