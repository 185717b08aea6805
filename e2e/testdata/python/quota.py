"""Fill an account over IMAP; print what the server said of its quota, a line each.

Usage: quota.py PORT CA USER PASSWORD
"""
import imaplib
import ssl
import sys

port, ca, user, password = sys.argv[1:]
m = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=ssl.create_default_context(cafile=ca))
m.login(user, password)
assert "QUOTA" in m.capabilities, m.capabilities
print(m.getquotaroot("INBOX"))
print(m.append("Sent", None, None, b"x" * 1500)[0])
print(m.getquota('""'))
print(m.append("Sent", None, None, b"x" * 1500))
print(m.append("Sent", None, None, b"x" * 500)[0])
m.logout()
