"""Send a message to nobody@example.test and wait for it to come back.

Usage: smtp_bounced.py SUBMISSIONS-PORT IMAPS-PORT

Prints the report and ends with 0, or ends with 1 when none came in three seconds.
"""
import imaplib
import os
import smtplib
import ssl
import sys
import time

user, password = os.environ["MAILRIG_USER"], os.environ["MAILRIG_PASSWORD"]
context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
c = imaplib.IMAP4_SSL("localhost", int(sys.argv[2]), ssl_context=context, timeout=5)
c.login(user, password)
before = int(c.select("INBOX")[1][0])
with smtplib.SMTP_SSL("localhost", int(sys.argv[1]), context=context, timeout=5) as s:
    s.login(user, password)
    with open(os.environ["MSG"], "rb") as f:
        s.sendmail(user, ["nobody@example.test"], f.read())
deadline = time.monotonic() + 3
while time.monotonic() < deadline:
    c.noop()
    if int(c.select("INBOX")[1][0]) > before:
        print(c.fetch(str(before + 1), "(BODY.PEEK[])")[1][0][1].decode())
        sys.exit(0)
    time.sleep(0.05)
print("nothing came back")
sys.exit(1)
