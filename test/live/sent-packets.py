"""Sends packets on raw sockets. Each input line is user, group, mark, destination, and a packet in hexadecimal."""
import ctypes
import socket
import sys

libc = ctypes.CDLL(None)
for line in sys.stdin:
    user, group, mark, destination, packet = line.split()
    family = socket.AF_INET6 if ':' in destination else socket.AF_INET
    # The owner of the socket is the owner of its file.
    libc.setfsgid(int(group))
    libc.setfsuid(int(user))
    sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    libc.setfsuid(0)
    libc.setfsgid(0)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(mark))
    try:
        sender.sendto(bytes.fromhex(packet), (destination, 0))
    except PermissionError:
        # A rule dropped the packet.
        pass
    sender.close()
