package trial

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/server"
)

// defaultMail puts three small messages into the INBOX of each user that CMD may be told about, so that a client that
// fetches mail has something to fetch: a plain message, one with words that need an encoding, and one with an
// attachment. They are the same in every run, except for the date.
func defaultMail(srv *server.Server, users []server.User) error {
	names := make([]string, 0, len(users)+1)
	for _, u := range users {
		names = append(names, u.Name)
	}
	if len(names) == 0 {
		user, _ := srv.Credentials()
		names = append(names, user)
	}
	now := time.Now()
	for _, name := range names {
		to := srv.Address(name)
		for i, m := range messages {
			date := now.Add(time.Duration(i-len(messages)) * time.Hour)
			head := fmt.Sprintf("From: Mailrig <trial@example.test>\nTo: <%s>\nDate: %s\nMessage-ID: <trial-%d@example.test>\nMIME-Version: 1.0\n",
				to, date.Format(time.RFC1123Z), i+1)
			raw := []byte(strings.ReplaceAll(head+m, "\n", "\r\n"))
			if err := srv.Deliver(to, raw, date); err != nil {
				return err
			}
		}
	}
	return nil
}

var messages = []string{
	`Subject: Welcome
Content-Type: text/plain; charset=us-ascii

This message was here before your client.
`,
	`Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_Z=C3=BCrich?=
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Sch=C3=B6ne Gr=C3=BC=C3=9Fe, and a line that begins with a dot:
.hidden
`,
	`Subject: With an attachment
Content-Type: multipart/mixed; boundary=trial

--trial
Content-Type: text/plain; charset=us-ascii

See the attachment.
--trial
Content-Type: text/csv; name=numbers.csv
Content-Disposition: attachment; filename=numbers.csv
Content-Transfer-Encoding: base64

b25lLDEKdHdvLDIK
--trial--
`,
}
