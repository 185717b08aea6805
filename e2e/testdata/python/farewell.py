"""Stay connected until the server stops, and print its last words, one JSON object in all.

Usage: farewell.py SMTP-PORT IMAP-PORT POP3-PORT

It prints "connected" first.
"""
import imaplib
import json
import poplib
import smtplib
import sys

s = smtplib.SMTP("localhost", int(sys.argv[1]), timeout=20)
s.ehlo("client.example")
m = imaplib.IMAP4("localhost", int(sys.argv[2]), timeout=20)
m.login("farewell@example.test", "secret")
m.select("INBOX")
p = poplib.POP3("localhost", int(sys.argv[3]), timeout=20)
p.user("farewell@example.test")
p.pass_("secret")
print("connected", flush=True)
sys.stdin.readline()  # the server has stopped

words = {}
words["smtp"] = s.docmd("NOOP")[0]
try:
    m.noop()
except imaplib.IMAP4.abort as e:
    words["imap"] = str(e) + " " + str(m.untagged_responses.get("BYE"))
try:
    p.noop()
except poplib.error_proto as e:
    words["pop3"] = str(e)
print(json.dumps(words))
