"""Go round a provider's doors as a set-up wizard does, and print what is there."""
import os
import socket
import ssl

port = {n: int(os.environ["MAILRIG_PORT_%d" % n]) for n in (25, 2525, 587, 465, 110, 995, 143, 993)}
for n in (143, 110, 2525, 465, 995):
    try:
        socket.create_connection(("127.0.0.1", port[n]), 5).close()
    except ConnectionRefusedError:
        print(n, "refused")

trust = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])


class Talk:
    def __init__(self, number, starttls=False):
        self.sock = socket.create_connection(("127.0.0.1", port[number]), 10)
        if not starttls:
            self.sock = trust.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def secure(self):
        self.sock = trust.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def line(self):
        text = self.file.readline().decode("utf-8", "replace").rstrip()
        print(text)
        return text

    def say(self, text, until):
        if text:
            self.sock.sendall(text.encode() + b"\r\n")
        while True:
            line = self.line()
            if not line or until(line):
                return line


tagged = lambda tag: lambda line: line.startswith(tag + " ")
final = lambda line: line[3:4] != "-"

imap = Talk(993)
imap.line()
imap.say("a CAPABILITY", tagged("a"))
imap.say('b LOGIN alice ""', tagged("b"))
imap.say("c LOGIN alice secret", tagged("c"))
imap.say('d LIST "" "*"', tagged("d"))
imap.say("e LOGOUT", tagged("e"))

smtp = Talk(587, starttls=True)
smtp.say("", final)
smtp.say("EHLO probe", final)
smtp.say("STARTTLS", final)
smtp.secure()
smtp.say("EHLO probe", final)
smtp.say("AUTH PLAIN AGFsaWNlAA==", final)  # alice, with an empty password
smtp.say("QUIT", final)
