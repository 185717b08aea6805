package e2e

import (
	"strings"
	"testing"
)

// TestQuota fills an account with imaplib, and then sends to it with swaks.
func TestQuota(t *testing.T) {
	t.Parallel()
	need(t, "python3", "swaks")
	r := start(t, "--quota", "10MB,small@example.test=2000")
	said := string(r.python("quota.py", nil, r.port(993), r.CAFile, "small", "secret").want(0).out)
	want := `('OK', [[b'"INBOX" ""'], [b'"" (STORAGE 0 2)']])
OK
('OK', [b'"" (STORAGE 2 2)'])
('NO', [b'[OVERQUOTA] The account has no room left; remove messages first'])
OK
`
	if said != want {
		t.Errorf("imaplib says\n%sand not\n%s", said, want)
	}
	w := way{25, "starttls"}
	if res := r.swaks(w, "small@example.test").want(24); !strings.Contains(string(res.out)+string(res.err), "452 4.2.2 The mailbox is full") {
		t.Errorf("swaks says %s%s", res.out, res.err)
	}
	r.swaks(w, "large@example.test").want(0)
}
