package smtp

import "testing"

// TestLikeHeader checks which lines look like the beginning of a message, and not like a command with a mistake.
func TestLikeHeader(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"Subject: hello\r\n":                  true,
		"X-Mailer:curl\r\n":                   true,
		"From: Bob <bob@example.test>\r\n":    true,
		"MIME-Version: 1.0\r\n":               true,
		"Mail-Followup-To: a@b\r\n":           true,
		"MAILFROM:<a@example.test>\r\n":       false,
		"mailfrom:<a@example.test>\r\n":       false,
		"RCPTTO:<a@example.test>\r\n":         false,
		"MAIL:FROM <a@example.test>\r\n":      false,
		"EHLO:client.example.test\r\n":        false,
		"DATA:\r\n":                           false,
		"Hello Bob: how are you?\r\n":         false,
		": nothing\r\n":                       false,
		"FROB\r\n":                            false,
		"MAIL\tFROM:<alice@example.test>\r\n": false,
	} {
		if likeHeader([]byte(line)) != want {
			t.Errorf("%q: %v, want %v", line, !want, want)
		}
	}
}
