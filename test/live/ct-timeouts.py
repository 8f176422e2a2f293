"""Timeout policies of connection tracking. `new NAME` creates one; `use NAME` prints its number of references.
linux/netfilter/nfnetlink_cttimeout.h"""

import socket
import struct
import sys

NETFILTER, SUBSYSTEM, NEW, GET = 12, 8 << 8, 0, 1
REQUEST, ACK, CREATE, EXCLUSIVE = 0x1, 0x4, 0x400, 0x200
NAME, L3PROTO, L4PROTO, DATA, USE = 1, 2, 3, 4 | 0x8000, 5
ESTABLISHED = 3


def attribute(kind, value):
    size = 4 + len(value)
    return struct.pack("HH", size, kind) + value + bytes(-size % 4)


def ask(kind, flags, attributes):
    body = struct.pack(">BBH", socket.AF_INET, 0, 0) + attributes
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as connection:
        connection.send(struct.pack("IHHII", 16 + len(body), SUBSYSTEM | kind, flags, 1, 0) + body)
        answer = connection.recv(65536)
    if struct.unpack_from("H", answer, 4)[0] == 2 and struct.unpack_from("i", answer, 16)[0] != 0:
        sys.exit("errno %d" % -struct.unpack_from("i", answer, 16)[0])
    return answer


command, name = sys.argv[1], attribute(NAME, sys.argv[2].encode() + b"\0")
if command == "new":
    protocols = attribute(L3PROTO, struct.pack(">H", socket.AF_INET)) + attribute(L4PROTO, bytes([socket.IPPROTO_TCP]))
    timeouts = attribute(DATA, attribute(ESTABLISHED, struct.pack(">I", 100)))
    ask(NEW, REQUEST | ACK | CREATE | EXCLUSIVE, name + protocols + timeouts)
else:
    answer, at = ask(GET, REQUEST, name), 20
    while at < len(answer):
        size, kind = struct.unpack_from("HH", answer, at)
        if kind & 0x3FFF == USE:
            print(struct.unpack_from(">I", answer, at + 4)[0])
        at += size + -size % 4
