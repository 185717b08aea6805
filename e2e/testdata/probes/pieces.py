"""Count the pieces in which a door's greeting comes. Usage: pieces.py PORT"""
import socket
import sys

sock = socket.create_connection(("localhost", int(sys.argv[1])), 10)
pieces, greeting = 0, b""
while not greeting.endswith(b"\n"):
    piece = sock.recv(4096)
    if not piece:
        break
    greeting += piece
    pieces += 1
print("pieces of the greeting:", pieces)
