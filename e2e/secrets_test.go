package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
)

// keepsSecret checks that nothing that mailrig tells anybody has one of these secrets, neither as it is nor in a login's base64. The rig's
// sessions must have ended.
func (r *rig) keepsSecret(t *testing.T, secrets []string) {
	t.Helper()
	for name, text := range r.told(t) {
		for n, secret := range secrets {
			if len(secret) < 8 {
				t.Fatalf("secret %d has %d bytes", n, len(secret))
			}
			for _, form := range forms(secret) {
				if at := strings.Index(text, form); at >= 0 {
					t.Errorf("secret %d is in %s: …%s", n, name, clip(text[max(0, at-200):at]))
				}
			}
		}
	}
}

// forms lists how a secret may stand in a text: as it is, and in the base64 of something longer, where it begins at one of three places in a
// group of four characters. A login's command is base64 as a whole.
func forms(secret string) []string {
	all := []string{secret}
	for _, before := range []string{"", "x", "xx"} {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(before + secret))
		all = append(all, encoded[min(4, len(encoded)-4):len(encoded)-4])
	}
	return all
}

// told returns everything that a rig tells of its sessions: page, API, reports, metrics, log. The page /setup shows the password of a --user on
// purpose, and isn't among it.
func (r *rig) told(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range []string{"/", "/sessions", "/mail", "/metrics", "/api/v1/doors", "/api/v1/sessions", "/api/v1/findings", "/api/v1/users", "/api/v1/info"} {
		all[path] = string(r.get(t, path))
	}
	var ids []string
	for _, s := range r.ended(t) {
		ids = append(ids, s.ID)
		for _, path := range []string{"/sessions/" + s.ID, "/api/v1/sessions/" + s.ID, "/api/v1/sessions/" + s.ID + "/dialogue", "/api/v1/sessions/" + s.ID + "/events"} {
			all[path] = string(r.get(t, path))
		}
		if s.Protocol != "oauth" { // a session of a mail door can be played again
			all["the scenario of session "+s.ID] = r.run(binary, "sessions", "--http", r.HTTP, s.ID, "--scenario", "-").out
		}
	}
	for _, args := range [][]string{{}, {"--json"}, {"--findings"}, append([]string{"--html", "-"}, ids...), append([]string{"--text", "-"}, ids...)} {
		all["mailrig sessions "+strings.Join(args, " ")] = r.run(binary, append([]string{"sessions", "--http", r.HTTP}, args...)...).want(0).out
	}
	all["the log"], all["standard output"] = r.err.String(), r.out.String()
	return all
}
