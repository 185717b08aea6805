package scenarios

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
)

// commands are those of each protocol, to tell a rule that can never act. A command that
// none of them has may be one of the client's own, and is let through.
var commands = map[string][]string{
	"smtp": strings.Fields("EHLO HELO LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP STARTTLS AUTH"),
	"imap": append(strings.Fields(`CAPABILITY NOOP LOGOUT ID STARTTLS AUTHENTICATE LOGIN ENABLE UNAUTHENTICATE SELECT EXAMINE CREATE DELETE
		RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB XLIST NAMESPACE STATUS APPEND IDLE DONE CHECK CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE
		COMPRESS GETQUOTA GETQUOTAROOT SORT THREAD`), "UID FETCH", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "UID SEARCH"),
	"pop3": strings.Fields("USER PASS APOP AUTH STLS STARTTLS CAPA STAT LIST RETR TOP UIDL DELE RSET NOOP QUIT UTF8 LANG"),
}

// checkCommands refuses a command that belongs to another protocol than those that the
// rule can meet.
func (d *decoder) checkCommands(e entry, m *fault.Match) {
	met := spoken(m)
	for _, command := range m.Command {
		var whose []string
		for protocol, list := range commands {
			if slices.ContainsFunc(list, func(c string) bool { return strings.EqualFold(c, command) }) {
				whose = append(whose, protocol)
			}
		}
		slices.Sort(whose)
		if len(whose) > 0 && !slices.ContainsFunc(whose, func(p string) bool { return slices.Contains(met, p) }) {
			d.wrong(e.key, "%s is a command of %s, and the rule only meets %s; it could never match", command, join(whose, "and"), join(met, "and"))
		}
	}
}

// checkMailbox refuses a mailbox where no IMAP is met.
func (d *decoder) checkMailbox(e entry, m *fault.Match) {
	if met := spoken(m); len(m.Mailbox) > 0 && len(met) > 0 && !slices.Contains(met, "imap") {
		d.wrong(e.key, "mailbox is known in IMAP only, and the rule only meets %s; it could never match", join(met, "and"))
	}
}
