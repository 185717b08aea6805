"""Log in with smtplib, imaplib or poplib; print what became of it.

Usage: auth_login.py smtp|imap|pop3 PORT clear|starttls|tls [TIMES] [USER]

Ends with 0 when the last login succeeded, 1 when the server refused it, 2 when the
client didn't find a way to log in, 3 when the connection was lost.
"""
import imaplib
import os
import poplib
import smtplib
import ssl
import sys

protocol, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
times = int(sys.argv[4]) if len(sys.argv) > 4 else 1
user = sys.argv[5] if len(sys.argv) > 5 else os.environ["MAILRIG_USER"]
password = os.environ["MAILRIG_PASSWORD"]
context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])


def smtp():
    if mode == "tls":
        s = smtplib.SMTP_SSL("localhost", port, context=context, timeout=5)
    else:
        s = smtplib.SMTP("localhost", port, timeout=5)
    if mode == "starttls":
        s.starttls(context=context)
    s.ehlo("client.example.test")
    return "%d %s" % (lambda r: (r[0], r[1].decode()))(s.login(user, password))


def imap():
    if mode == "tls":
        c = imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=5)
    else:
        c = imaplib.IMAP4("localhost", port, timeout=5)
    if mode == "starttls":
        c.starttls(context)
    print("capabilities:", *c.capabilities)
    c.login(user, password)
    print("capabilities after login:", *c.capabilities)
    typ, data = c.select("INBOX")
    return "%s %s" % (typ, data[0].decode())


def pop3():
    if mode == "tls":
        c = poplib.POP3_SSL("localhost", port, context=context, timeout=5)
    else:
        c = poplib.POP3("localhost", port, timeout=5)
    if mode == "starttls":
        c.stls(context)
    print("capabilities:", c.capa())
    c.user(user)
    return c.pass_(password).decode()


code = 0
for _ in range(times):
    try:
        print("logged in:", {"smtp": smtp, "imap": imap, "pop3": pop3}[protocol]())
        code = 0
    except smtplib.SMTPAuthenticationError as e:
        print("refused:", e.smtp_code, e.smtp_error.decode())
        code = 1
    except smtplib.SMTPNotSupportedError as e:
        print("no way to log in:", e)
        code = 2
    except (smtplib.SMTPServerDisconnected, imaplib.IMAP4.abort) as e:
        print("connection lost:", type(e).__name__, e)
        code = 3
    except smtplib.SMTPException as e:  # an OSError too
        print("no way to log in:", e)
        code = 2
    except OSError as e:
        print("connection lost:", type(e).__name__, e)
        code = 3
    except (imaplib.IMAP4.error, poplib.error_proto) as e:
        print("refused:", e.args[0].decode() if isinstance(e.args[0], bytes) else e)
        code = 1
sys.exit(code)
