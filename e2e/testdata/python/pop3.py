"""Use a maildrop with poplib; print what happened as one line of JSON.

Usage: pop3.py PORT clear|starttls|tls CA USER PASSWORD fetch|tour [FILE]

fetch writes the newest message to FILE; tour looks at three messages, deletes
one, takes it back, deletes another and quits.
"""
import json
import poplib
import ssl
import sys
import traceback

port, mode, ca, user, password, what = sys.argv[1:7]
context = ssl.create_default_context(cafile=ca)


def connect():
    if mode == "tls":
        p = poplib.POP3_SSL("localhost", int(port), context=context, timeout=20)
    else:
        p = poplib.POP3("localhost", int(port), timeout=20)
    if mode == "starttls":
        assert "STLS" in p.capa()
        p.stls(context=context)
        assert "STLS" not in p.capa(), "STLS inside TLS"
    p.user(user)
    p.pass_(password)
    return p


def tour(p):
    caps = p.capa()
    for cap in ("TOP", "UIDL", "USER", "SASL"):
        assert cap in caps, (cap, caps)
    count, size = p.stat()
    assert count == 3, count
    listed = [line.split() for line in p.list()[1]]
    assert sum(int(octets) for _, octets in listed) == size, (listed, size)
    uids = [line.split()[1] for line in p.uidl()[1]]
    assert len(set(uids)) == 3, uids
    lines = p.retr(2)[1]
    assert sum(len(line) + 2 for line in lines) == int(listed[1][1]), "LIST tells another size than RETR gives"
    head = p.top(2, 0)[1]
    assert lines[: len(head)] == head and head[-1] == b"", head
    p.dele(1)
    p.rset()
    assert p.stat()[0] == 3
    p.dele(2)
    assert p.stat()[0] == 2
    p.noop()
    p.quit()
    p = connect()
    left = [line.split()[1] for line in p.uidl()[1]]
    assert left == [uids[0], uids[2]], (left, uids)
    return p


try:
    p = connect()
    if what == "fetch":
        _, lines, _ = p.retr(p.stat()[0])
        with open(sys.argv[7], "wb") as f:
            f.write(b"".join(line + b"\r\n" for line in lines))
    else:
        p = tour(p)
    p.quit()
    print(json.dumps({"ok": True}))
except (poplib.error_proto, OSError, AssertionError) as e:
    traceback.print_exc()
    print(json.dumps({"error": type(e).__name__, "text": str(e)}))
    sys.exit(1)
