"""Hold a dialogue with a door and print what it says, as a client of no manners.

Usage: talk.py smtp|imap|pop3 PORT [COMMAND...]

COMMAND is a line to send (IMAP: without its tag, a1 and so on are put before it), or
TLS: do a handshake now; TLS1.0 and so on: with this version alone, whatever its age.
Several commands in one segment have \\n between them; only the first one's reply is read,
READ reads one more line. Ends of the connection are
printed as <closed>, <reset>, <silence> and <cut>: inside TLS, without close_notify or
by a reset, which Python does not tell apart.
"""
import os
import socket
import ssl
import sys
import warnings

protocol, port, commands = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
buffer = b""
tag = 0


def over(why):
    print("<%s>" % why)
    sys.exit(0)


def line():
    global buffer
    while b"\n" not in buffer:
        try:
            piece = sock.recv(4096)
        except ssl.SSLEOFError:
            over("cut")
        except ssl.SSLError as e:
            over("TLS: %s" % e.reason)
        except TimeoutError:
            over("silence")
        except ConnectionResetError:
            over("reset")
        if not piece:
            over("closed" if not buffer else "closed after %r" % buffer)
        buffer += piece
    one, _, buffer = buffer.partition(b"\n")
    text = one.decode("utf-8", "replace").rstrip("\r")
    print(text)
    return text


def reply(command):
    first = text = line()
    if protocol == "smtp":
        while text[3:4] == "-":
            text = line()
    elif protocol == "pop3":
        verb = command.upper()
        many = verb in ("CAPA", "LIST", "UIDL", "AUTH") or verb.startswith(("RETR", "TOP"))
        while many and first.startswith("+OK") and text != ".":
            text = line()
    elif command:
        while not text.startswith(("a%d " % tag, "+")):
            text = line()


def handshake(version):
    global sock, buffer
    context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
    if version:
        warnings.simplefilter("ignore")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
    context.suppress_ragged_eofs = False
    if buffer:
        print("<before TLS: %s>" % buffer.decode().replace("\r\n", "|"))
        buffer = b""
    try:
        sock = context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)
    except TimeoutError:
        over("silence")
    except ConnectionResetError:
        over("reset")
    except ssl.SSLError as e:
        over("TLS: %s" % e.reason)
    print("<%s>" % sock.version())


try:
    sock = socket.create_connection(("localhost", port), 10)
except ConnectionResetError:
    over("reset")
sock.settimeout(2)
first = True
for command in [""] + commands:
    if command.startswith("TLS"):
        handshake(command[3:])
        if first:
            line()
    elif command == "READ":
        line()
    elif command or not (commands and commands[0].startswith("TLS")):
        if command:
            parts = command.split("\\n")
            tag += 1
            wire = [part if protocol != "imap" else "a%d %s" % (tag + i, part) for i, part in enumerate(parts)]
            try:
                sock.sendall("".join(part + "\r\n" for part in wire).encode())
            except ConnectionError:
                over("reset")
            reply(parts[0])
            tag += len(parts) - 1
        else:
            reply("")
        first = False
