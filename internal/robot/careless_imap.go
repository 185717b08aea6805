package robot

import (
	"regexp"
	"strings"
)

var (
	referralIn = regexp.MustCompile(`\[REFERRAL imaps?://([^;@/]*)`)
	listedName = regexp.MustCompile(`^\* (?:LIST \(.*\) (?:"."|NIL)|STATUS) "?([^"(]*?)"? *(?:\(.*)?$`)
	searchHits = regexp.MustCompile(`^\* SEARCH ((?: ?\d+)+)`)
)

// gossip is what a careless IMAP client has heard and believes.
type gossip struct {
	names    []string // of folders, heard in clear
	referred string   // user
	uids     []string
	begun    []string // fetched, whole or not
	fetched  bool     // something came for a FETCH
	compress bool
	caps     string   // the last list
	listed   []string // folders, inside TLS or not
	n        int
}

func (w *wire) hear(g *gossip, line string) {
	g.fetched = g.fetched || strings.Contains(line, " FETCH (")
	if m := capsIn.FindStringSubmatch(line); m != nil {
		g.caps = m[1]
	}
	g.compress = g.compress || strings.Contains(line, "COMPRESS=DEFLATE")
	if m := referralIn.FindStringSubmatch(line); m != nil {
		g.referred = m[1]
	}
	m := listedName.FindStringSubmatch(line)
	if m != nil && strings.HasPrefix(line, "* LIST") {
		g.listed = append(g.listed, m[1])
	}
	if m != nil && (!w.secure || len(w.old) > 0) && m[1] != "INBOX" && len(g.names) < 5 {
		g.names = append(g.names, m[1])
	}
	if m := searchHits.FindStringSubmatch(line); m != nil {
		g.uids = strings.Fields(m[1])
	}
}

// blind says an IMAP command, again when it is refused. It returns the tagged reply.
func (w *wire) blind(g *gossip, command string, times int) (string, error) {
	last := ""
	for range times {
		g.n++
		tag := "c" + itoa(g.n)
		if err := w.send(tag + " " + command); err != nil {
			return "", err
		}
		for range maxLines {
			line, err := w.line()
			if err != nil {
				return "", err
			}
			w.hear(g, line)
			if strings.HasPrefix(line, "+") {
				answer := "DONE"
				if err := w.send(answer); err != nil {
					return "", err
				}
			}
			if strings.HasPrefix(line, tag+" ") {
				last = line
				break
			}
			if strings.HasPrefix(line, "* BAD") || strings.HasPrefix(line, "* BYE") && command != "LOGOUT" {
				last = line
				break
			}
		}
		if strings.HasPrefix(last, tag+" OK") || command == "LOGOUT" {
			break
		}
	}
	return last, nil
}

func (r *robot) carelessIMAP() error {
	g := &gossip{}
	work := func(w *wire, m mode) bool {
		line, err := w.line()
		if err != nil && !late(err) {
			return false
		}
		w.hear(g, line)
		if _, err := w.blind(g, "CAPABILITY", 1); err != nil {
			return false
		}
		preauth := strings.HasPrefix(line, "* PREAUTH")
		if m == bySTARTTLS && !preauth {
			w.startTLS("c0 STARTTLS", func(line string) { w.hear(g, line) }, func(line string) bool { return strings.HasPrefix(line, "c0 OK") || strings.HasPrefix(line, "a2 OK") })
			for len(w.old) > 0 { // what is there is there
				line, err := w.line()
				if err != nil {
					break
				}
				w.hear(g, line)
			}
		}
		fine := true
		do := func(command string) bool {
			reply, err := w.blind(g, command, blindRepeats)
			fine = fine && err == nil && strings.Contains(reply, " OK")
			return err == nil
		}
		if token := r.tokenMechanism(strings.Fields(strings.ReplaceAll(g.caps, "AUTH=", " "))); token != "" {
			if !do("AUTHENTICATE " + token + " " + bearer(token, r.target.User, tokens[0])) {
				return false
			}
		} else if !preauth && !do("LOGIN "+r.target.User+" "+r.target.Password) {
			return false
		}
		follow := func() bool {
			user := g.referred
			g.referred = ""
			return user == "" || do("LOGIN "+user+" "+r.target.Password)
		}
		if !follow() {
			return false
		}
		for _, name := range g.names {
			if !do(`SELECT "` + name + `"`) {
				return false
			}
		}
		g.listed, g.fetched = nil, false
		if !do(`LIST "" "*"`) {
			return false
		}
		for _, name := range g.listed {
			if !do("STATUS " + quote(name) + " (MESSAGES)") {
				return false
			}
		}
		if !do("SELECT INBOX") || !follow() {
			return false
		}
		for _, uid := range g.begun { // it has them
			if !do("UID STORE " + uid + ` +FLAGS (\Deleted)`) {
				return false
			}
		}
		if g.uids == nil && !do("UID SEARCH ALL") {
			return false
		}
		for _, uid := range g.uids {
			g.begun = append(g.begun, uid)
			if !do("UID FETCH " + uid + " (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])") {
				return false
			}
		}
		if w.patience == 0 && !g.fetched { // it will come
			_, _ = w.line()
		}
		draft := newLetter("draft", 300, "carol@example.test").body
		commands := []string{"UID SEARCH SUBJECT nothing", "ENABLE CONDSTORE", `ID ("name" "robot")`, "NAMESPACE", "UID EXPUNGE 1:*", "EXPUNGE", "NOOP", "UNSELECT",
			"SELECT INBOX", `UID STORE 1 +FLAGS (\Seen)`, "CREATE Mine", "UID COPY 1 Mine", "UID MOVE 3 Mine", "IDLE", "DELETE Mine"}
		if g.compress {
			commands = append([]string{"COMPRESS DEFLATE"}, commands...)
		}
		for _, command := range commands {
			if !do(command) {
				return false
			}
		}
		ok := do("APPEND Sent {"+itoa(len(draft))+"+}\r\n"+string(draft)) && do("LOGOUT")
		g.begun = nil
		return ok && fine
	}
	if n := r.job.Connections; n > 1 {
		return together(n, func(int) error {
			g := &gossip{}
			r.hurry(993, "imap", fromTheStart, func(w *wire, _ mode) bool {
				_, err := w.line()
				if err != nil {
					return false
				}
				reply, err := w.blind(g, "LOGIN "+r.target.User+" "+r.target.Password, blindRepeats)
				_, err2 := w.blind(g, "NOOP", 1)
				r.sleep(r.Patience.Reply)
				return err == nil && err2 == nil && strings.Contains(reply, " OK")
			})
			return nil
		})
	}
	r.hurry(993, "imap", fromTheStart, work)
	r.hurry(143, "imap", bySTARTTLS, work)
	return nil
}
