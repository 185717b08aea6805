"""Log in with a token, inside TLS, and print the dialogue; the token isn't shown.

Usage: auth_token.py smtp|imap|pop3 XOAUTH2|OAUTHBEARER [TIMES]

An error in a challenge is acknowledged as the mechanism has it. Ends with 0 when the last
login succeeded, 1 when it was refused, 2 when the mechanism isn't listed.
"""
import base64
import os
import socket
import ssl
import sys

protocol, mechanism = sys.argv[1:3]
times = int(sys.argv[3]) if len(sys.argv) > 3 else 1
port = int(os.environ["MAILRIG_PORT_" + {"smtp": "465", "imap": "993", "pop3": "995"}[protocol]])
user = os.environ["MAILRIG_USER"]
context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
if mechanism == "XOAUTH2":
    token, acknowledgement = f"user={user}\1auth=Bearer sesame\1\1", ""
else:
    token, acknowledgement = f"n,a={user},\1host=localhost\1port={port}\1auth=Bearer sesame\1\1", "AQ=="
token = base64.b64encode(token.encode()).decode()
verb = {"smtp": "AUTH", "imap": "a AUTHENTICATE", "pop3": "AUTH"}[protocol]


def attempt():
    sock = context.wrap_socket(socket.create_connection(("localhost", port), 10), server_hostname="localhost")
    sock.settimeout(10)
    wire = sock.makefile("rwb")

    def hear():
        line = wire.readline().decode().rstrip("\r\n")
        print("S:", line)
        return line

    def say(line):
        print("C:", line.replace(token, "***") or "(empty)")
        wire.write(line.encode() + b"\r\n")
        wire.flush()

    hear()
    say({"smtp": "EHLO client.example.test", "imap": "c CAPABILITY", "pop3": "CAPA"}[protocol])
    listed = ""
    while True:
        line = hear()
        listed += line + "\n"
        if line.startswith(("250 ", "c ")) or line == ".":
            break
    if mechanism not in listed.replace("=", " ").split():
        print("not listed")
        return 2
    say(f"{verb} {mechanism} {token}")
    line = hear()
    if line.startswith(("334 ", "+ ")):
        print("the error:", base64.b64decode(line.split(" ", 1)[1]).decode())
        say(acknowledgement)
        line = hear()
    while line[3:4] == "-" and protocol == "smtp":
        line = hear()
    return 0 if line.startswith(("235", "a OK", "* CAPABILITY", "+OK")) else 1


code = 0
for _ in range(times):
    code = attempt()
sys.exit(code)
