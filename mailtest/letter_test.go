package mailtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/mailtest"
)

func TestLetter(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t)
	raw := "Subject: Welcome\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		"<p>F=FCr die Anmeldung: Code <b>482913</b> oder <a href=3D\"https://shop.test/c?a=3D1&amp;b=3D2\">hier</a></p>\r\n"
	for _, user := range []string{"alice", "bob"} {
		if err := rig.Server().Deliver(user, []byte(raw), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	m := rig.WaitMessage(10*time.Second, mailtest.To("alice"), mailtest.Body("für die"))
	if got := fmt.Sprint(m.Codes(), m.Links()); got != "[482913] [https://shop.test/c?a=1&b=2]" {
		t.Error(got)
	}
	if !strings.HasPrefix(m.Text(), "Für die Anmeldung") || !strings.HasPrefix(m.HTML(), "<p>Für") || m.Letter().Subject != "Welcome" {
		t.Errorf("%q, %q", m.Text(), m.HTML())
	}
	rig.ResetUser("alice")
	if a, b := rig.Messages("alice@example.test"), rig.Messages("bob@example.test"); len(a) != 0 || len(b) != 1 {
		t.Errorf("%d and %d messages after a reset of one user", len(a), len(b))
	}
	rig.Reset()
	if b := rig.Messages("bob@example.test"); len(b) != 0 {
		t.Errorf("%d messages after a reset", len(b))
	}
}
