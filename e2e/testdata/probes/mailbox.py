"""Say lines to an IMAP or POP3 door, one after the other, and print all that comes back.

Usage: mailbox.py imap|pop3 LINE...

It logs in first, inside TLS, unless the first LINE is "-". IMAP lines get tags, POP3 lines
go as they are. "DONE" ends IDLE. "wait" reads one more line, or says that none comes within
a second. "! COMMAND" runs a command meanwhile. Python's own libraries hide what a server says
between the lines; this doesn't. TIMEOUT is in seconds. It ends with 2 if the server hangs up,
with 3 if it falls silent or resets the connection.
"""
import os
import socket
import ssl
import subprocess
import sys

protocol, *lines = sys.argv[1:]
port = int(os.environ["MAILRIG_PORT_993" if protocol == "imap" else "MAILRIG_PORT_995"])
context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
user, password = os.environ["MAILRIG_USER"], os.environ["MAILRIG_PASSWORD"]
if lines[:1] == ["-"]:
    lines = lines[1:]
elif protocol == "imap":
    lines = [f'LOGIN "{user}" "{password}"'] + lines
else:
    lines = [f"USER {user}", f"PASS {password}"] + lines
timeout = float(os.environ.get("TIMEOUT", "10"))
sock = context.wrap_socket(socket.create_connection(("localhost", port), 10), server_hostname="localhost")
sock.settimeout(timeout)
heard = b""


def hear():
    global heard
    while b"\r\n" not in heard:
        more = sock.recv(4096)
        if not more:
            print("S:", heard)
            print("the server hung up")
            sys.exit(2)
        heard += more
    line, heard = heard.split(b"\r\n", 1)
    text = line.decode("utf-8", "backslashreplace")
    print("S:", text)
    return text


def wait():
    sock.settimeout(1)
    try:
        hear()
    except TimeoutError:
        print("nothing comes")
    sock.settimeout(timeout)


def say(line, tag):
    print("C:", tag + line.replace(password, "***"))
    sock.sendall((tag + line + "\r\n").encode())


def imap(n, line):
    if line == "DONE":
        say(line, "")
    else:
        say(line, f"a{n} ")
        imap.tag = f"a{n} "
    while not hear().startswith((imap.tag, "+")):
        pass


def pop3(line):
    say(line, "")
    words = line.split()
    text = hear()
    if text.startswith("+OK") and (words[0] in ("CAPA", "RETR", "TOP") or words[0] in ("UIDL", "LIST") and len(words) == 1):
        while text != ".":
            text = hear()


try:
    hear()
    for n, line in enumerate(lines):
        if line == "wait":
            wait()
        elif line.startswith("! "):
            subprocess.run(line[2:], shell=True, check=True, timeout=20)
        elif protocol == "imap":
            imap(n, line)
        else:
            pop3(line)
except OSError as e:
    print(type(e).__name__, e)
    sys.exit(3)
