"""Send a message, and fetch one by IMAP and one by POP3, with Python's libraries.

Usage: libraries.py checked|unchecked|clear

"unchecked" is what starttls() does when it is given no context: any certificate will do.
"""
import email
import imaplib
import os
import poplib
import smtplib
import ssl
import sys

how = sys.argv[1]
env = os.environ
context = ssl.create_default_context(cafile=env["MAILRIG_CA_FILE"]) if how == "checked" else None
user, password = env["MAILRIG_USER"], env["MAILRIG_PASSWORD"]


def send():
    port = env["MAILRIG_PORT_25"] if how == "clear" else env["MAILRIG_PORT_587"]
    with smtplib.SMTP("localhost", int(port), local_hostname="client.example.test", timeout=5) as s:
        if how != "clear":
            s.starttls(context=context)
        s.login(user, password)
        with open(env["MSG"], "rb") as f:
            s.send_message(email.message_from_bytes(f.read()), "alice@example.test", ["bob@example.test"])


def imap():
    with imaplib.IMAP4("localhost", int(env["MAILRIG_PORT_143"]), timeout=5) as m:
        if how != "clear":
            m.starttls(context) if context else m.starttls()
        m.login(user, password)
        m.select()
        status, data = m.fetch("1", "(BODY[])")
        if status != "OK" or data == [None]:
            raise imaplib.IMAP4.error(f"nothing fetched: {data}")


def pop3():
    m = poplib.POP3("localhost", int(env["MAILRIG_PORT_110"]), timeout=5)
    if how != "clear":
        m.stls(context) if context else m.stls()
    m.user(user)
    m.pass_(password)
    m.retr(1)
    m.quit()


failed = 0
for step in send, imap, pop3:
    try:
        step()
    except Exception as e:
        print(step.__name__, type(e).__name__, e)
        failed = 1
sys.exit(failed)
