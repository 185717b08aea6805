"""Sends a welcome message to the address that is given, and checks that it has come.

It stands for an application and its test. MAIL_HOST and MAIL_PORT say where the application sends; MAILRIG_HTTP is for the
test.
"""

import json
import os
import smtplib
import ssl
import sys
import urllib.parse
import urllib.request


def fetch(path, **query):
    url = os.environ["MAILRIG_HTTP"] + path + "?" + urllib.parse.urlencode(query)
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def send(to):
    """What the application does. In production the CA is one that the system trusts."""
    trust = ssl.create_default_context(cadata=fetch("/ca.pem"))
    with smtplib.SMTP(os.environ["MAIL_HOST"], int(os.environ["MAIL_PORT"])) as server:
        server.starttls(context=trust)
        server.login("shop@example.test", "secret")
        server.sendmail("shop@example.test", to, "From: shop@example.test\r\nSubject: Welcome\r\n\r\nYour code is 482913.")


def test(to):
    """What the test does: wait for the message, and read its code."""
    answer = json.loads(fetch("/api/v1/wait", message=f"to:{to} subject:Welcome", timeout="10s"))
    assert answer["messages"][0]["codes"] == ["482913"], answer


if __name__ == "__main__":
    send(sys.argv[1])
    test(sys.argv[1])
    print("the message came, with its code")
