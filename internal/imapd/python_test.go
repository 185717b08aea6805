package imapd

import (
	"bytes"
	"net"
	"os/exec"
	"testing"
)

const pythonClient = `
import imaplib, sys
m = imaplib.IMAP4(sys.argv[1], int(sys.argv[2]))
def ok(r, what):
    if r[0] != 'OK': sys.exit('%s: %r' % (what, r))
    return r[1]
ok(m.login('user', 'pass'), 'login')
assert b'UIDPLUS' in ok(m.capability(), 'capability')[0]
ok(m.create('"a b"'), 'create')
raw = b'Subject: x\r\nFrom: a@b.test\r\n\r\nbody\r\n'
ok(m.append('INBOX', '(\\Seen)', imaplib.Time2Internaldate(1700000000), raw), 'append')
n = ok(m.select('INBOX'), 'select')
assert n == [b'1'], n
assert m.response('UIDNEXT')[1] == [b'2'], m.untagged_responses
d = ok(m.fetch('1', '(FLAGS BODY[])'), 'fetch')
assert d[0][1] == raw, d
assert rb'\Seen' in d[0][0], d
assert ok(m.search(None, 'SUBJECT', 'x'), 'search') == [b'1']
assert ok(m.uid('SEARCH', 'FROM', 'nobody'), 'search') in ([b''], [None])
ok(m.copy('1', '"a b"'), 'copy')
ok(m.store('1', '+FLAGS', r'(\Deleted)'), 'store')
assert ok(m.expunge(), 'expunge') == [b'1']
l = ok(m.list(), 'list')
assert any(x.endswith(b'"a b"') for x in l), l
s = ok(m.status('"a b"', '(MESSAGES UNSEEN)'), 'status')
assert b'MESSAGES 1 UNSEEN 0' in s[0], s
ok(m.namespace(), 'namespace')
ok(m.close(), 'close')
m.logout()
m = imaplib.IMAP4(sys.argv[1], int(sys.argv[2]))
ok(m.authenticate('PLAIN', lambda c: b'\0user\0pass'), 'authenticate')
m.logout()
print('fine')
`

func TestPythonImaplib(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: imaplib was not tried")
	}
	host, port, _ := net.SplitHostPort(start(t, newStore(), newScene()))
	out, err := exec.Command(python, "-c", pythonClient, host, port).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("fine")) {
		t.Errorf("%v\n%s", err, out)
	}
}
