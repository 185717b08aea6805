"""Send standard input with smtplib; print what happened as one line of JSON.

Usage: smtp.py PORT clear|starttls|tls CA USER PASSWORD FROM TO [REPEAT]

An empty USER means no login. REPEAT sends that many times on one connection.
"""
import json
import smtplib
import ssl
import sys

port, mode, ca, user, password, sender, to = sys.argv[1:8]
repeat = int(sys.argv[8]) if len(sys.argv) > 8 else 1
context = ssl.create_default_context(cafile=ca)
message = sys.stdin.buffer.read()

try:
    if mode == "tls":
        s = smtplib.SMTP_SSL("localhost", int(port), context=context, timeout=20)
    else:
        s = smtplib.SMTP("localhost", int(port), timeout=20)
    with s:
        s.ehlo()
        if mode == "starttls":
            s.starttls(context=context)
            s.ehlo()
        if user:
            s.login(user, password)
        for _ in range(repeat):
            s.sendmail(sender, [to], message)
    print(json.dumps({"ok": True}))
except smtplib.SMTPRecipientsRefused as e:
    code, text = e.recipients[to]
    print(json.dumps({"error": type(e).__name__, "code": code, "text": text.decode()}))
    sys.exit(1)
except smtplib.SMTPResponseException as e:
    print(json.dumps({"error": type(e).__name__, "code": e.smtp_code, "text": str(e.smtp_error)}))
    sys.exit(1)
except (OSError, smtplib.SMTPException) as e:
    print(json.dumps({"error": type(e).__name__, "text": str(e)}))
    sys.exit(1)
