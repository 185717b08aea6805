"""Say what Python's libraries let one say that is out of order, and check each code.

Usage: exact.py SMTP-PORT IMAP-PORT
"""
import imaplib
import smtplib
import sys

smtp_port, imap_port = int(sys.argv[1]), int(sys.argv[2])


def smtp():
    s = smtplib.SMTP("localhost", smtp_port, timeout=20)

    def ask(code, command, *args):
        got = s.docmd(command, *args)
        assert got[0] == code, (command, args, got, "want", code)
        return got[1]

    ask(503, "MAIL FROM:<a@example.test>")
    assert ask(250, "HELO client.example").startswith(b"mail.example.test "), "the server's domain isn't the first word"
    assert s.ehlo("client.example")[1].startswith(b"mail.example.test ")
    ask(503, "RCPT TO:<b@example.test>")
    ask(503, "DATA")
    ask(500, "FOO bar")
    ask(502, "HELP")
    ask(555, "MAIL FROM:<a@example.test> RET=HDRS")
    ask(552, "MAIL FROM:<a@example.test> SIZE=99999999999999999999")
    ask(501, "MAIL FROM:<a@example.test> SIZE=999999999999999999999")
    ask(501, "MAIL FROM:<a\0b@example.test>")
    assert b'<"john doe"@example.test>' in ask(250, 'MAIL FROM:<"john doe"@example.test> SIZE=100')
    ask(503, "MAIL FROM:<a@example.test>")
    ask(503, "AUTH PLAIN AGFsaWNlAHNlY3JldA==")
    ask(503, "DATA")
    ask(250, "RCPT TO:<exact@example.test>")
    ask(501, "DATA now")
    code, text = s.data(b"Subject: quoted\r\n\r\nx\r\n")
    assert code == 250, (code, text)
    ask(503, "DATA")
    s.quit()


def imap():
    m = imaplib.IMAP4("localhost", imap_port, timeout=20)
    m.login("exact@example.test", "secret")
    m.select("INBOX")
    kind, data = m.fetch("1", "(BODY.PEEK[HEADER.FIELDS (RETURN-PATH)])")
    assert b'Return-Path: <"john doe"@example.test>' in data[0][1], data
    kind, data = m.append("Sent", None, None, b"")
    assert kind == "OK" and b"APPENDUID" in data[0], (kind, data)
    kind, data = m.select("Sent")
    assert data == [b"1"], data
    kind, data = m.fetch("1", "(RFC822.SIZE BODY.PEEK[])")
    assert b"RFC822.SIZE 0" in data[0][0], data
    try:
        m.search(None, "TEXT", "x" * 60000)
        raise AssertionError("an over-long command was accepted")
    except imaplib.IMAP4.error as e:  # imaplib raises it for BAD with its tag, and would wait for ever without
        assert "too long" in str(e), e
    assert m.noop()[0] == "OK"
    m.logout()


smtp()
imap()
