package e2e

import (
	"strings"
	"testing"
)

// TestCheckDovecotWithoutPasswords checks a Dovecot that takes CRAM-MD5 alone. It lists no LOGINDISABLED, and refuses LOGIN
// and PASS for the method, not for the password.
func TestCheckDovecotWithoutPasswords(t *testing.T) {
	t.Parallel()
	long(t)
	d := startDovecotWith(t, strings.Replace(dovecotConf, "auth_mechanisms = plain login", "auth_mechanisms = cram-md5", 1))
	res := d.check(t, "secret", nil, "--ca", d.ca, "--user", "alice@example.test", "--all-logins", "--smtp", "off")
	res.want(1).says(
		"the server refuses this way to log in, although it lists it; the password may well be right (-ERR [AUTH] Unsupported authentication mechanism.)",
		`Try: set authentication in the client to "Encrypted password" (CRAM-MD5);`)
	if strings.Contains(res.out, "Normal password") || strings.Contains(res.out, "wrong-password") || strings.Contains(res.out, "Try: use port") {
		t.Errorf("no other port takes a password either:\n%s", res.out)
	}
}
