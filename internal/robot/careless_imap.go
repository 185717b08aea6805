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
	n        int
}

func (w *wire) hear(g *gossip, line string) {
	if m := referralIn.FindStringSubmatch(line); m != nil {
		g.referred = m[1]
	}
	if m := listedName.FindStringSubmatch(line); m != nil && (!w.secure || len(w.old) > 0) && m[1] != "INBOX" && len(g.names) < 5 {
		g.names = append(g.names, m[1])
	}
	if m := searchHits.FindStringSubmatch(line); m != nil {
		g.uids = strings.Fields(m[1])
	}
}

// blind says an IMAP command, again when it is refused. It returns the tagged reply.
func (w *wire) blind(g *gossip, command string, literal []byte) (string, error) {
	last := ""
	for range blindRepeats {
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
				if literal != nil {
					answer = string(literal)
				}
				if err := w.send(answer); err != nil {
					return "", err
				}
			}
			if strings.HasPrefix(line, tag+" ") {
				last = line
				break
			}
			if strings.HasPrefix(line, "* BAD") || strings.HasPrefix(line, "* BYE") {
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
		if err != nil {
			return false
		}
		w.hear(g, line)
		if _, err := w.blind(g, "CAPABILITY", nil); err != nil {
			return false
		}
		preauth := strings.HasPrefix(line, "* PREAUTH")
		if m == bySTARTTLS && !preauth {
			w.startTLS("c0 STARTTLS", func(line string) bool { return strings.HasPrefix(line, "c0 OK") || strings.HasPrefix(line, "a2 OK") })
			for len(w.old) > 0 { // what is there is there
				line, err := w.line()
				if err != nil {
					break
				}
				w.hear(g, line)
			}
		}
		fine := true
		do := func(command string, literal []byte) bool {
			reply, err := w.blind(g, command, literal)
			fine = fine && err == nil && strings.Contains(reply, " OK")
			return err == nil
		}
		if !preauth && !do("LOGIN "+r.target.User+" "+r.target.Password, nil) {
			return false
		}
		follow := func() bool {
			user := g.referred
			g.referred = ""
			return user == "" || do("LOGIN "+user+" "+r.target.Password, nil)
		}
		if !follow() {
			return false
		}
		for _, name := range g.names {
			if !do(`SELECT "`+name+`"`, nil) {
				return false
			}
		}
		if !do(`LIST "" "*"`, nil) || !do("SELECT INBOX", nil) || !follow() {
			return false
		}
		for _, uid := range g.begun { // it has them
			if !do("UID STORE "+uid+` +FLAGS (\Deleted)`, nil) {
				return false
			}
		}
		if g.uids == nil && !do("UID SEARCH ALL", nil) {
			return false
		}
		for _, uid := range g.uids {
			g.begun = append(g.begun, uid)
			if !do("UID FETCH "+uid+" (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])", nil) {
				return false
			}
		}
		draft := newLetter("draft", 300, "carol@example.test").body
		for _, command := range []string{"UID SEARCH SUBJECT nothing", "COMPRESS DEFLATE", "ENABLE CONDSTORE", `ID ("name" "robot")`, "NAMESPACE", "CREATE Mine",
			"UID COPY 1 Mine", "UID MOVE 1 Mine", "UID EXPUNGE 1:*", "EXPUNGE", "DELETE Mine", "NOOP", "IDLE"} {
			if !do(command, nil) {
				return false
			}
		}
		ok := do("APPEND Sent {"+itoa(len(draft))+"}", draft) && do("LOGOUT", nil)
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
				reply, err := w.blind(g, "LOGIN "+r.target.User+" "+r.target.Password, nil)
				_, err2 := w.blind(g, "NOOP", nil)
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
