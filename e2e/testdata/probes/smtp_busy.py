"""Log in on several connections at once with smtplib, and print each reply.

Usage: smtp_busy.py PORT COUNT
"""
import os
import smtplib
import ssl
import sys

context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
held = []
for i in range(int(sys.argv[2])):
    s = smtplib.SMTP_SSL("localhost", int(sys.argv[1]), context=context, timeout=5)
    held.append(s)
    try:
        s.login(os.environ["MAILRIG_USER"], os.environ["MAILRIG_PASSWORD"])
        print("connection", i + 1, "is in")
    except smtplib.SMTPAuthenticationError as e:
        print("connection", i + 1, "refused:", e.smtp_code, e.smtp_error.decode())
        sys.exit(1)
