"""Use a mailbox with imaplib; print what happened as one line of JSON.

Usage: imap.py PORT clear|starttls|tls CA USER PASSWORD fetch|append|tour [FILE]

fetch writes the newest message of INBOX to FILE; append puts FILE into Drafts;
tour does what a mail program does in a day.
"""
import imaplib
import json
import ssl
import sys
import traceback

port, mode, ca, user, password, what = sys.argv[1:7]
context = ssl.create_default_context(cafile=ca)


def ok(answer):
    typ, data = answer
    assert typ == "OK", answer
    return data


def tour(m):
    caps = ok(m.capability())[0].decode().upper().split()
    for cap in ("IMAP4REV1", "IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "UNSELECT", "SPECIAL-USE"):
        assert cap in caps, (cap, caps)
    ok(m.noop())
    folders = b"\n".join(ok(m.list()))
    for flag in (b"\\Drafts", b"\\Sent", b"\\Junk", b"\\Trash", b"\\Archive"):
        assert flag in folders, (flag, folders)
    ok(m.create("Projects"))
    ok(m.subscribe("Projects"))
    assert b"Projects" in b"\n".join(ok(m.lsub()))
    ok(m.append("Projects", r"(\Seen $Label1)", '"05-Jan-2026 10:00:00 +0000"', b"Subject: one\r\n\r\nfirst\r\n"))
    ok(m.append("Projects", None, None, b"Subject: two\r\n\r\nsecond\r\n"))
    status = ok(m.status("Projects", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))[0]
    assert b"MESSAGES 2" in status and b"UNSEEN 1" in status, status
    assert ok(m.select("Projects")) == [b"2"]
    assert ok(m.search(None, "UNSEEN")) == [b"2"]
    assert ok(m.search(None, "SUBJECT", "one", "SINCE", "1-Jan-2026")) == [b"1"]
    data = ok(m.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
    assert len(data) == 2 and b"$Label1" in data[0] and b"5-Jan-2026" in data[0], data
    data = ok(m.fetch("2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<3.3>)"))
    assert data[0][1] == b"Subject: two\r\n\r\n" and data[1][1] == b"ond", data
    assert ok(m.search(None, "UNSEEN")) == [b"2"], "PEEK must not set Seen"
    ok(m.uid("STORE", "2", "+FLAGS.SILENT", r"(\Flagged)"))
    assert ok(m.search(None, "FLAGGED")) == [b"2"]
    ok(m.copy("1", "Archive"))
    ok(m.uid("MOVE", "2", "Trash"))
    ok(m.store("1", "+FLAGS", r"(\Deleted)"))
    assert ok(m.expunge())[-1] == b"1"  # imaplib puts the EXPUNGE of MOVE before it
    ok(m.close())
    assert ok(m.select("Archive", readonly=True)) == [b"1"]
    typ, answer = m.store("1", "+FLAGS", r"(\Deleted)")
    assert typ == "NO", ("EXAMINE is read-only", typ, answer)
    assert ok(m.select("Trash")) == [b"1"]
    assert b"\\Flagged" in ok(m.fetch("1", "(FLAGS)"))[0]
    ok(m.rename("Projects", "Work"))
    ok(m.delete("Work"))
    ok(m.namespace())
    ok(m.unselect())


try:
    if mode == "tls":
        m = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context, timeout=20)
    else:
        m = imaplib.IMAP4("localhost", int(port), timeout=20)
    if mode == "starttls":
        ok(m.starttls(ssl_context=context))
    ok(m.login(user, password))
    if what == "fetch":
        count = ok(m.select("INBOX", readonly=True))[0].decode()
        body = ok(m.fetch(count, "(BODY.PEEK[])"))[0][1]
        with open(sys.argv[7], "wb") as f:
            f.write(body)
    elif what == "append":
        with open(sys.argv[7], "rb") as f:
            ok(m.append("Drafts", r"(\Draft)", None, f.read()))
    else:
        tour(m)
    m.logout()
    print(json.dumps({"ok": True}))
except (imaplib.IMAP4.error, OSError, AssertionError) as e:
    traceback.print_exc()
    print(json.dumps({"error": type(e).__name__, "text": str(e)}))
    sys.exit(1)
