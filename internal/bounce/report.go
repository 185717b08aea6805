package bounce

import (
	"bytes"
	"fmt"
	"mime"
	"time"
)

// write writes a delivery status notification (RFC 3464, RFC 6522): what happened in words, the same for programs, and
// the message's header.
func write(host string, m Message, f Failure, now time.Time) []byte {
	boundary := fmt.Sprintf("=_mailrig_%d", now.UnixNano())
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\r\n", args...) }
	line("Return-Path: <>")
	line("Date: %s", now.Format(time.RFC1123Z))
	line("From: %s <MAILER-DAEMON@%s>", mime.QEncoding.Encode("utf-8", "Mail Delivery System"), host)
	line("To: <%s>", m.From)
	line("Subject: Undelivered Mail Returned to Sender")
	line("Message-ID: <%d.bounce@%s>", now.UnixNano(), host)
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=%q", boundary)
	line("")
	line("--%s", boundary)
	line("Content-Type: text/plain; charset=us-ascii")
	line("")
	line("Your message could not be delivered to <%s>.", m.To)
	line("The other server said: %s", f.Text)
	line("")
	line("--%s", boundary)
	line("Content-Type: message/delivery-status")
	line("")
	line("Reporting-MTA: dns; %s", host)
	line("Arrival-Date: %s", m.Arrived.Format(time.RFC1123Z))
	line("")
	line("Final-Recipient: rfc822; %s", m.To)
	line("Action: failed")
	line("Status: %s", f.Status)
	line("Diagnostic-Code: smtp; %s", f.Text)
	line("")
	line("--%s", boundary)
	line("Content-Type: text/rfc822-headers")
	line("")
	out.Write(m.Raw)
	line("")
	line("--%s--", boundary)
	return out.Bytes()
}
