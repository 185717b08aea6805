"""Send small messages with smtplib on one connection; print what became of each.

Usage: smtp_send.py PORT clear|starttls|tls COUNT [RECIPIENT...]

Logs in unless the mode is clear. Waits SMTP_TIMEOUT seconds for each reply, 5 by
default. Ends with 0 when all was taken, 1 otherwise.
"""
import os
import smtplib
import ssl
import sys

port, mode, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
to = sys.argv[4:] or ["bob@example.test"]
timeout = float(os.environ.get("SMTP_TIMEOUT", "5"))
context = ssl.create_default_context(cafile=os.environ["MAILRIG_CA_FILE"])
with open(os.environ["MSG"], "rb") as f:
    message = f.read()


def said(code, text):
    return "%d %s" % (code, text.decode(errors="replace") if isinstance(text, bytes) else text)


failed = False
try:
    if mode == "tls":
        s = smtplib.SMTP_SSL("localhost", port, context=context, timeout=timeout)
    else:
        s = smtplib.SMTP("localhost", port, timeout=timeout)
    if mode == "starttls":
        s.starttls(context=context)
    if mode != "clear":
        s.login(os.environ["MAILRIG_USER"], os.environ["MAILRIG_PASSWORD"])
    for i in range(count):
        try:
            refused = s.sendmail("alice@example.test", to, message)
            print("message", i + 1, "taken")
        except smtplib.SMTPRecipientsRefused as e:
            refused = e.recipients
            failed = True
            print("message", i + 1, "refused, no recipient left")
        except smtplib.SMTPResponseException as e:
            refused = {}
            failed = True
            print("message", i + 1, "refused:", type(e).__name__, said(e.smtp_code, e.smtp_error))
        for address, (code, text) in refused.items():
            failed = True
            print("recipient", address, "refused:", said(code, text))
    print("quit:", said(*s.quit()))
except smtplib.SMTPResponseException as e:
    failed = True
    print(type(e).__name__, said(e.smtp_code, e.smtp_error))
except (OSError, smtplib.SMTPException) as e:
    failed = True
    print(type(e).__name__, e)
sys.exit(1 if failed else 0)
