package imap

import (
	"net/url"
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

// extensions maps commands to the capability that must be advertised before a client uses them (RFC 9051 section
// 6.1.1).
var extensions = map[string]string{
	"IDLE": "IDLE", "MOVE": "MOVE", "UID MOVE": "MOVE", "UID EXPUNGE": "UIDPLUS", "NAMESPACE": "NAMESPACE", "UNSELECT": "UNSELECT",
	"ENABLE": "ENABLE", "COMPRESS": "COMPRESS=DEFLATE", "ID": "ID", "SORT": "SORT", "UID SORT": "SORT", "THREAD": "THREAD", "UID THREAD": "THREAD", "GETQUOTAROOT": "QUOTA",
}

// uses names the extensions that a command uses.
func uses(l protocol.Line) (all [][]string) {
	if name := extensions[l.Verb]; name != "" {
		all = append(all, []string{name})
	}
	if strings.HasSuffix(l.Args, "+}") { // RFC 7888: LITERAL- has the same form, for small literals
		all = append(all, []string{"LITERAL+", "LITERAL-"})
	}
	return all
}

// listed matches a line that names a mailbox: LIST, LSUB or STATUS (RFC 9051 section 7.3).
var listed = lazyregexp.New(`(?i)^\* (?:(?:X?LIST|LSUB) \([^)]*\) (?:NIL|"[^ ]*")|STATUS) (?:"([^"]+)"|([^ "(]+))`)

// told returns the mailboxes named by LIST, LSUB and STATUS, and the users and mailboxes named by referrals (RFC 2221,
// RFC 2193). It leaves out INBOX, because every user has one (RFC 9051 section 5.1).
func told(lines []string) (t protocol.Told) {
	for _, line := range lines {
		if m := listed.FindStringSubmatch(line); m != nil && !strings.EqualFold(m[1]+m[2], "INBOX") {
			t.Mailboxes = append(t.Mailboxes, m[1]+m[2])
		}
		_, code, ok := strings.Cut(line, "[REFERRAL ")
		if !ok {
			continue
		}
		code, _, _ = strings.Cut(code, "]")
		for place := range strings.FieldsSeq(code) {
			t.Referred = append(t.Referred, namesIn(place)...)
		}
	}
	return t
}

// namesIn returns the user and the mailbox in an IMAP URL (RFC 5092).
func namesIn(place string) (all []string) {
	u, err := url.Parse(place)
	if err != nil {
		return nil
	}
	user, _, _ := strings.Cut(u.User.Username(), ";")
	if user != "" {
		all = append(all, user)
	}
	box, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), ";")
	if box != "" && !strings.EqualFold(box, "INBOX") {
		all = append(all, box)
	}
	return all
}
