package trial

import "testing"

func TestSaysTemporary(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"smtplib.SMTPRecipientsRefused: {'bob@example.test': (451, b'4.7.1 Greylisted')}",
		"msmtp: recipient address bob@example.test not accepted by the server\nmsmtp: server message: 450 4.2.0 Greylisted",
		"curl: (55) RCPT failed: 452",
		"Error: Message failed: 421-4.7.0 Too busy",
		"imaplib.error: b'[UNAVAILABLE] later'",
		"-ERR [SYS/TEMP] the disk is full",
		"the server is busy, try again later",
		"message deferred",
		"421 Service not available",
		"will retry in 5 minutes",
	} {
		if !saysTemporary(text) {
			t.Errorf("not understood: %s", text)
		}
	}
	for _, text := range []string{
		"",
		"550 5.1.1 mailbox unavailable",
		"connecting to localhost port 465",
		"connecting to localhost:451 ...",
		"sent 412 bytes", "sent 451 bytes in 421 ms",
		"100   451    0     0  100   451      0    890 --:--:-- --:--:-- --:--:--   890",
		"  0     0    0   451    0     0      0      0\r100   421    0     0",
		"giving up, no retry", "not retrying", "won't try again", "this is not a temporary failure",
		"client 5.4.3 on Linux 6.4.12",
		"535 5.7.8 Authentication failed",
	} {
		if saysTemporary(text) {
			t.Errorf("taken for a temporary failure: %s", text)
		}
	}
}
