"""Use a mailbox through imaplib or poplib, by expressions, and print what each comes to.

Usage: library.py imap|pop3 EXPRESSION...

In the expressions m is the connection, inside TLS and logged in. It ends with 1 at the
first exception, which it prints. A first EXPRESSION "-" means: don't log in.
"""
import imaplib
import os
import poplib
import ssl
import sys

protocol, *expressions = sys.argv[1:]
context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
user, password = os.environ["MAILRIG_USER"], os.environ["MAILRIG_PASSWORD"]


def connect(login=True):
    if protocol == "imap":
        m = imaplib.IMAP4_SSL("localhost", int(os.environ["MAILRIG_PORT_993"]), ssl_context=context, timeout=10)
        if login:
            m.login(user, password)
    else:
        m = poplib.POP3_SSL("localhost", int(os.environ["MAILRIG_PORT_995"]), context=context, timeout=10)
        if login:
            m.user(user)
            m.pass_(password)
    return m


try:
    login = expressions[:1] != ["-"]
    m = connect(login)
    for e in expressions if login else expressions[1:]:
        print(e, "->", eval(e))
except Exception as e:
    print(type(e).__name__, e)
    sys.exit(1)
