"""Sends raw frames. Each input line is an interface and a frame in hexadecimal, or asks whether all frames were sent."""
import socket
import sys

sockets = {}
for line in sys.stdin:
    words = line.split()
    if words == ['sent?']:
        print('sent', flush=True)
        continue
    interface, frame = words
    if interface not in sockets:
        sockets[interface] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sockets[interface].bind((interface, 0))
    sockets[interface].send(bytes.fromhex(frame))
