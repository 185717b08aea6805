package diagnose

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// This file finds messages that a client fetches although it has them.

// fetched identifies a message that a client fetched in full.
type fetched struct {
	user string // "" in a control run: a command may make up a new name each time
	door int
	id   string // UIDL's unique id, or mailbox, UIDVALIDITY and UID
}

// fetchedAgain finds a client that fetches the same messages again in full. One loop over a mailbox gives one finding.
func fetchedAgain(c *Case) []Evidence {
	if !c.any((*Facts).acted) {
		return nil // a client that is started now and then may fetch everything each time
	}
	usual := map[fetched]int{}
	for m, list := range c.fetches(c.Control) {
		usual[fetched{door: m.door, id: m.id}] = max(usual[fetched{door: m.door, id: m.id}], len(list))
	}
	got := c.fetches(c.Sessions)
	var again []string
	var sessions []*Facts
	times := 0
	for _, m := range slices.SortedFunc(maps.Keys(got), func(a, b fetched) int { return strings.Compare(a.id, b.id) }) {
		list := got[m]
		if len(list) <= c.spare(usual[fetched{door: m.door, id: m.id}], 1) {
			continue
		}
		again = append(again, m.id)
		sessions = append(sessions, list...)
		times = max(times, len(list))
	}
	if again == nil {
		return nil
	}
	what := strings.TrimPrefix(again[0], "number ")
	if len(again) > 1 {
		what = itoa(len(again)) + " messages"
	}
	sessions = distinct(sessions...)
	slices.SortStableFunc(sessions, func(a, b *Facts) int { return a.Start.Compare(b.Start) })
	return []Evidence{{Sessions: sessions, Words: map[string]string{"what": what, "times": itoa(times)}}}
}

// fetches lists, for each message, the sessions that fetched it in full.
func (c *Case) fetches(list []*Facts) map[fetched][]*Facts {
	got := map[fetched][]*Facts{}
	for _, f := range list {
		numbers, box := map[string]string{}, ""
		for _, s := range f.Steps {
			switch {
			case s.Verb == "UIDL":
				numbers = uniqueIDs(s, numbers)
			case s.Verb == "SELECT" || s.Verb == "EXAMINE":
				box = ""
				if m := uidvalidity.FindStringSubmatch(s.Reply.Text()); m != nil {
					box = strings.ToUpper(strings.Trim(s.Args, `"`)) + " " + m[1] + " "
				}
			case s.Downloaded == 0 || s.Cut || s.Silenced:
			case s.wholeMessage():
				number, _, _ := strings.Cut(s.Args, " ")
				id, known := numbers[number]
				if !known {
					id = "number RETR " + number
				}
				m := fetched{f.user(), f.Door, id}
				got[m] = append(got[m], f)
			case s.Verb == "UID FETCH" && box != "" && asksForBody(s.Args):
				for _, uid := range uidsIn(s.Args) {
					m := fetched{f.user(), f.Door, box + uid}
					if c.Control == nil {
						m.id += " of session " + f.ID // a client without a cache fetches again when it comes again
					}
					got[m] = append(got[m], f)
				}
			}
		}
		if f.has(func(s *Step) bool { return s.Verb == "DELE" && s.Reply.Class == event.OK }) && f.has(func(s *Step) bool { return s.leaves() && s.Reply.Class == event.OK }) {
			// The numbers of all other messages have moved; unique ids stay.
			maps.DeleteFunc(got, func(m fetched, _ []*Facts) bool { return strings.HasPrefix(m.id, "number ") })
		}
	}
	return got
}

// appendedTwice finds a message whose very bytes a client has put into the same mailbox again, by APPEND, because the reply
// to the first time didn't reach it. Mailing the same message twice is deliveredTwice.
func appendedTwice(c *Case) (all []Evidence) {
	usual := 0
	for _, list := range appends(c.Control) {
		usual = max(usual, len(list))
	}
	got := appends(c.Sessions)
	for _, key := range slices.Sorted(maps.Keys(got)) {
		list := got[key]
		if len(list) <= c.spare(usual, 1) || !slices.ContainsFunc(list[:len(list)-1], (*Facts).replyLost) {
			continue // it may want two copies, unless it doesn't know of the first one
		}
		_, box, _ := strings.Cut(key, "\x00")
		box, _, _ = strings.Cut(box, "\x00")
		what := "the same mailbox"
		if box != "" {
			what = box
		}
		all = append(all, Evidence{Sessions: distinct(list...), Words: map[string]string{"mailbox": what, "times": itoa(len(list))}})
	}
	return all
}

// appends lists the sessions that have stored a message by APPEND, by user, mailbox and bytes.
func appends(list []*Facts) map[string][]*Facts {
	got := map[string][]*Facts{}
	for _, f := range list {
		for _, m := range f.Messages {
			if !f.receives() {
				continue
			}
			user, box := strings.Join(m.Recipients, ","), ""
			if len(m.Places) > 0 {
				user, box = m.Places[0].Account, m.Places[0].Mailbox
			}
			key := user + "\x00" + box + "\x00" + m.Sum
			got[key] = append(got[key], f)
		}
	}
	return got
}

// uniqueIDs adds what a reply to UIDL says to the unique ids by number (RFC 1939 section 7).
func uniqueIDs(s *Step, ids map[string]string) map[string]string {
	for _, line := range s.Reply.Lines {
		line = strings.TrimPrefix(line, "+OK ")
		number, id, ok := strings.Cut(line, " ")
		if _, err := strconv.Atoi(number); ok && err == nil {
			ids[number] = id
		}
	}
	return ids
}

// asksForBody reports whether the arguments of a FETCH ask for whole messages (RFC 9051 section 6.4.5).
func asksForBody(args string) bool {
	args = strings.ToUpper(args)
	if i := strings.Index(args, "BODY"); i < 0 && !strings.Contains(args, "RFC822 ") && !strings.Contains(args, "RFC822)") && !strings.HasSuffix(args, "RFC822") {
		return false
	}
	return strings.Contains(args, "BODY[]") && !strings.Contains(args, "BODY[]<") || strings.Contains(args, "BODY.PEEK[]") && !strings.Contains(args, "BODY.PEEK[]<") ||
		!strings.Contains(args, "BODY")
}

// uidsIn returns the first UIDs that a set names. It leaves out sets that end in an asterisk.
func uidsIn(args string) (all []string) {
	const most = 1000
	set, _, _ := strings.Cut(args, " ")
	for _, part := range strings.Split(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		if !isRange {
			to = from
		}
		a, err1 := strconv.ParseUint(from, 10, 32)
		b, err2 := strconv.ParseUint(to, 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		for n := min(a, b); n <= max(a, b) && len(all) < most; n++ {
			all = append(all, strconv.FormatUint(n, 10))
		}
	}
	return all
}
