"""Log in as an account's settings say, and send or look; print how it went.

Usage: settings.py PORT clear|starttls|tls smtp|imap|pop3 CA|none|insecure

CA is a file; none trusts what the system trusts; insecure takes any certificate.
"""
import imaplib
import poplib
import smtplib
import ssl
import sys

port, mode, protocol, trust = int(sys.argv[1]), *sys.argv[2:5]
user, password = "alice@example.test", "secret"
wait = 5

if trust == "insecure":
    context = ssl._create_unverified_context()
else:
    context = ssl.create_default_context(cafile=None if trust == "none" else trust)


def smtp():
    if mode == "tls":
        s = smtplib.SMTP_SSL("localhost", port, context=context, timeout=wait)
    else:
        s = smtplib.SMTP("localhost", port, timeout=wait)
    with s:
        if mode == "starttls":
            s.starttls(context=context)
        s.login(user, password)
        s.sendmail(user, ["bob@example.test"], b"From: bob@example.test\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <smtplib@example.test>\r\nSubject: by smtplib\r\n\r\nhello\r\n")


def imap():
    if mode == "tls":
        m = imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=wait)
    else:
        m = imaplib.IMAP4("localhost", port, timeout=wait)
    with m:
        if mode == "starttls":
            m.starttls(context)
        m.login(user, password)
        m.select()


def pop3():
    if mode == "tls":
        p = poplib.POP3_SSL("localhost", port, context=context, timeout=wait)
    else:
        p = poplib.POP3("localhost", port, timeout=wait)
    if mode == "starttls":
        p.stls(context)
    p.user(user)
    p.pass_(password)
    p.stat()
    p.quit()


try:
    {"smtp": smtp, "imap": imap, "pop3": pop3}[protocol]()
    print("ok")
except Exception as e:
    print(type(e).__name__, e)
    sys.exit(1)
