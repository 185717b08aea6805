package diagnose

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// Predicates about the names of folders.

// folder matches a line of the reply to LIST (RFC 9051 section 7.3.1): attributes, delimiter, name.
var folder = lazyregexp.New(`(?i)^\* X?LIST \(([^)]*)\) (?:"(\\?.)"|NIL) (.+)$`)

// sentNames are usual names of the folder for sent mail, in English.
var sentNames = []string{"sent", "sent items", "sent mail", "sent messages", "sent-mail"}

// ignoredSpecialUse finds a copy that a client stores in the folder that it calls Sent, where the server has marked another
// one for sent mail (RFC 6154 section 2) and has told the client so.
func ignoredSpecialUse(c *Case) (all []Evidence) {
	known := map[string][]string{} // the folders that are marked, by user
	for _, f := range c.Sessions {
		told := false
		for _, s := range f.inTurn() {
			sent := known[f.user()]
			switch {
			case s.Verb == "LIST" || s.Verb == "XLIST":
				for _, line := range s.Reply.Lines {
					if x := folder.FindStringSubmatch(line); x != nil && slices.ContainsFunc(strings.Fields(x[1]), func(a string) bool { return strings.EqualFold(a, `\Sent`) }) {
						sent = append(sent, unquote(x[3]))
					}
				}
				known[f.user()] = sent[:min(len(sent), 100)]
			case s.Verb == "APPEND" && !told && len(sent) > 0:
				box := appendTarget(s.Args)
				if box == "" || !slices.Contains(sentNames, lastPart(box)) || slices.Contains(sent, box) {
					continue
				}
				told = true
				w := map[string]string{"did": "Stored", "mailbox": box, "sent": sent[0]}
				if s.Reply.Failed() {
					w["did"] = "Tried to store"
				}
				all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Words: w})
			}
		}
	}
	return all
}

// appendTarget returns the mailbox in APPEND's arguments, or "" if it comes as a literal.
func appendTarget(args string) string {
	if rest, ok := strings.CutPrefix(args, `"`); ok {
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	name, _, _ := strings.Cut(args, " ")
	if strings.HasPrefix(name, "{") {
		return ""
	}
	return name
}

// lastPart returns the last part of a hierarchical name, in lower case.
func lastPart(name string) string {
	return strings.ToLower(name[strings.LastIndexAny(name, "/.")+1:])
}

func unquote(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(name[1 : len(name)-1])
	}
	return name
}
