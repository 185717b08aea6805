package explain

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// talk is what a dialogue between client and server says.
type talk struct {
	is      bool   // the text is a dialogue
	rest    string // the text without the dialogue's lines, but with the server's refusals
	refused []reply
	waiting string // the command that the server hasn't answered, or "greeting"
	missed  string // the one that it hadn't answered when the client gave up
	ended   bool   // the client said goodbye
	greeted bool   // the server said hello, and the client nothing
}

// reply is a reply that refuses something.
type reply struct {
	protocol string
	at       string // the command that it answers, or "greeting"
	text     string // its lines, separated by \n
	event.Verdict
}

// prefix is what logs write before the line that went over the wire: arrows, sides, times, threads, quotes.
var prefix = lazyregexp.New(`^(?:` + strings.Join([]string{
	`\s+`,
	`\d{1,2}[<>] `,                                                                           // mutt
	`<?-{1,2}>\s?`, `<-{1,2}\s`, `<?~>?\s`, `[<>=]{1,3}\s`, `<[~*-]?[*]{1,2}\s+`, `\*\*>\s+`, // swaks, msmtp, curl
	`(?i:[sc]|server|client|in|out):\s`, `(?i:(?:server|client)\s*->\s*(?:server|client)):?\s`,
	`(?i:reply|send|sent|recv|received|read|write|debug|trace|info|verbose|retcode)\b:?\s+`,
	`b?["']`, `\[[^\]]{0,80}\]:?\s*`, `\*(?:cmd|resp|put|get|stat)\*\s`,
	`\d{1,4}[-/:.]\d{1,2}(?:[-/:.]\d{1,4})?[\d:.,TZ+-]*[\s,:]*`, // dates and times
	`(?i:fetchmail|msmtp|mbsync|imap|pop3|smtp)\b[\w.-]{0,20}[:<>]{1,2}\s`,
	`(?:UTC|GMT|[+-]\d{4}|-)\s+`, `[A-Z]/[A-Za-z0-9]{1,20}\s`,
	`[^\s]{0,80}:(?:ReadNextLine|SendData|CreateNewLineFromSocket)[^:]{0,40}:\s?`, // Thunderbird
	`[\w./]{1,40}(?:IMAP|SMTP|POP3|mailnews)[\w./]{0,20}\b[: ]+`,
}, "|") + `)`)

const mostPrefixes = 8

// swaks and curl -v say what they do, so that even a dialogue without a reply is known as one. Of curl's, only one that ran out
// of time without a byte says anything.
var told = lazyregexp.New(`(?m)^=== Connected to |^\* Connected to [^\n]*\n(?:[*{}][^\n]*\n)*curl: \(28\) [^\n]* 0 bytes received`)

var (
	smtpReply = lazyregexp.New(`^[2-5]\d\d(?:[ -]|$)`)
	popReply  = lazyregexp.New(`^(?:\+OK|-ERR)(?: |$)`)
	untagged  = lazyregexp.New(`^\* (?:OK|NO|BAD|BYE|PREAUTH|CAPABILITY|FLAGS|LIST|LSUB|STATUS|SEARCH|NAMESPACE|ID|ENABLED|\d+ (?:EXISTS|RECENT|FETCH|EXPUNGE))\b`)
	tagged    = lazyregexp.New(`^([A-Za-z]{0,8}\d{1,10}) (OK|NO|BAD)(?: |$)`)
	goAhead   = lazyregexp.New(`^\+(?: |$)`)
	command   = lazyregexp.New(`^(?i:EHLO|HELO|STARTTLS|AUTH|MAIL FROM|RCPT TO|DATA|BDAT|RSET|QUIT|CAPA|STLS|USER|PASS|APOP|STAT|UIDL|RETR|DELE|TOP)(?:[ :]|$)`)
	tagOf     = lazyregexp.New(`^([A-Za-z]{0,8}\d{1,10}) (?i:(UID )?([A-Z]{4,12}))(?: |$)`)
)

// readDialogue looks for the lines of a dialogue.
func readDialogue(text string) *talk {
	r := &reader{tags: map[string]string{}, last: "greeting", due: []string{"greeting"}}
	r.talk.waiting = "greeting"
	for raw := range strings.SplitSeq(text, "\n") {
		p, line, marked := wireLine(raw)
		if p == nil {
			if !strings.HasPrefix(raw, "=== ") { // swaks tells what it does
				r.rest.WriteString(raw + "\n")
			}
			continue
		}
		if marked || !p.isReply {
			r.sides++
		}
		if p.isReply {
			r.reply(p, line)
		} else {
			r.command(p, line)
		}
	}
	d := &r.talk
	d.is = r.replies > 0 && r.sides > 0 && (r.replies+r.sides > 2 || len(d.refused) == 0) || told.MatchString(text)
	d.greeted = r.replies == 1 && r.commands == 0 && len(d.refused) == 0
	d.rest = r.rest.String()
	if !d.is {
		d.rest, d.refused = text, nil
	}
	return d
}

// reader is where the reading of a dialogue is.
type reader struct {
	talk
	rest              strings.Builder
	replies, commands int               // lines
	sides             int               // lines that tell whose they are
	tags              map[string]string // IMAP: tag to verb
	last              string            // the command that was answered last
	due               []string          // commands without a reply, which a client may send in one go (RFC 2920)
	lines             []string          // of an SMTP reply that isn't complete
}

func (r *reader) command(p *spoken, line string) {
	r.commands++
	cmd := p.Replies.Command(line)
	if w, ok := p.Words.Find(cmd.Verb); ok && w.Leaves {
		if !r.ended {
			r.missed = r.waiting
		}
		r.ended = true
	}
	if cmd.Tag != "" {
		r.tags[cmd.Tag] = cmd.Verb
	}
	if len(r.due) == 1 && (r.due[0] == "greeting" || r.due[0] == "TLS") {
		r.due = r.due[:0] // the log began later, or the handshake is done
	}
	if len(r.due) < mostDue {
		r.due = append(r.due, cmd.Verb)
	}
	r.waiting = r.due[0]
}

// mostDue is how many commands may wait for their replies.
const mostDue = 1000

func (r *reader) reply(p *spoken, line string) {
	r.replies++
	if len(r.lines) < mostLines {
		r.lines = append(r.lines, line)
	}
	if p.Name == "smtp" && len(line) > 3 && line[3] == '-' {
		return
	}
	if p.Name != "smtp" {
		r.lines = []string{line}
	}
	said := strings.Join(r.lines, "\n")
	at, tag := r.answers(p, line)
	v := p.Replies.Verdict(tag, r.lines, at == "greeting")
	if p.Name == "smtp" && odd(at, v.Code) {
		v.Class = event.Nonsense
	}
	r.lines = nil
	if p.Name != "imap" || tag != "" || v.Class == event.Continue || at == "greeting" {
		r.answered(at, v.Class)
	}
	untagged := p.Name == "imap" && tag == ""
	switch {
	case v.Class == event.OK || v.Class == event.Continue:
		if r.last == "greeting" {
			r.last = "" // what comes now without a command is no greeting
		}
	case untagged && !strings.Contains(line, "BYE") && !strings.HasPrefix(line, "* NO") && !strings.HasPrefix(line, "* BAD"): // data
	case untagged && strings.HasPrefix(line, "* BYE") && r.ended: // the answer to LOGOUT
	default:
		if len(r.refused) == mostRefused {
			r.refused = slices.Delete(r.refused, 0, 1)
		}
		r.refused = append(r.refused, reply{p.Name, at, said, v})
		r.rest.WriteString(said + "\n")
	}
}

// mostLines is how many lines of a reply are kept, mostRefused how many refusals: the last ones.
const (
	mostLines   = 100
	mostRefused = 30
)

// answers returns the command that a reply answers, and in IMAP its tag.
func (r *reader) answers(p *spoken, line string) (at, tag string) {
	at = r.last
	if len(r.due) > 0 {
		at = r.due[0]
	}
	if m := tagged.FindStringSubmatch(line); m != nil && p.Name == "imap" {
		tag = m[1]
		if verb, ok := r.tags[tag]; ok {
			at = verb
		}
	}
	return at, tag
}

// answered notes that a command has its reply.
func (r *reader) answered(at string, class event.Class) {
	if i := slices.Index(r.due, at); i >= 0 {
		r.due = slices.Delete(r.due, i, i+1)
	}
	r.last = at
	switch {
	case class == event.OK && (at == "STARTTLS" || at == "STLS"):
		r.due = []string{"TLS"}
	case class == event.Continue && at == "DATA":
		r.due = append([]string{"message"}, r.due...)
	}
	r.waiting = ""
	if len(r.due) > 0 {
		r.waiting = r.due[0]
	}
}

// spoken is the protocol of a line, and who said it.
type spoken struct {
	*protocol.Protocol
	isReply bool
}

// wireLine returns the line that went over the wire. marked says that a log's prefix stood before it.
func wireLine(raw string) (p *spoken, line string, marked bool) {
	line = trimEnds(raw)
	if len(line) > 4<<10 {
		line = line[:4<<10]
	}
	for range mostPrefixes {
		if p = speaks(line, marked); p != nil {
			break
		}
		m := prefix.FindString(line)
		if m == "" {
			return nil, "", false
		}
		marked = marked || strings.TrimSpace(m) != ""
		line = line[len(m):]
	}
	if p == nil {
		return nil, "", false
	}
	return p, line, marked
}

// trimEnds removes white space, quotes, and line ends that a log writes out.
func trimEnds(line string) string {
	line = strings.TrimRight(line, " \t")
	for _, end := range []string{`'`, `"`, `\r\n`, `\n`, `\r`} {
		line = strings.TrimSuffix(line, end)
	}
	return line
}

// speaks returns whose line this is, or nil. Without a log's prefix before it, a command must be in upper case: "auth = none"
// and "data is lost" are none.
func speaks(line string, marked bool) *spoken {
	if line == "" {
		return nil
	}
	of := func(name string, isReply bool) *spoken { return &spoken{protocol.Find(all.Protocols(), name), isReply} }
	switch {
	case smtpReply.MatchString(line):
		return of("smtp", true)
	case popReply.MatchString(line):
		return of("pop3", true)
	case untagged.MatchString(line), goAhead.MatchString(line):
		return of("imap", true)
	case tagged.MatchString(line):
		return of("imap", true)
	}
	if m := tagOf.FindStringSubmatch(line); m != nil {
		if p := of("imap", false); p.Words.Begin(m[3] + " ") {
			return p
		}
	}
	if command.MatchString(line) {
		verb, _, _ := strings.Cut(line, " ")
		if !marked && verb != strings.ToUpper(verb) {
			return nil
		}
		for _, name := range []string{"smtp", "pop3"} {
			if p := of(name, false); p.Words.Begin(verb) {
				return p
			}
		}
	}
	return nil
}

// usual are the positive replies to SMTP's commands (RFC 5321 section 4.3.2, RFC 4954, RFC 3207).
var usual = map[string]string{
	"greeting": "220", "EHLO": "250", "HELO": "250", "MAIL": "250", "RCPT": "250 251 252", "DATA": "354", "message": "250",
	"STARTTLS": "220", "AUTH": "235 334",
}

// odd reports whether a positive SMTP reply isn't one that the command has.
func odd(at, code string) bool {
	codes, known := usual[at]
	return known && code != "" && code[0] < '4' && !strings.Contains(codes, code)
}

// lastRefused returns the reply that ended the work, for people.
func (d *talk) lastRefused() string {
	if len(d.refused) == 0 {
		return ""
	}
	return clip(strings.ReplaceAll(d.refused[len(d.refused)-1].text, "\n", " "))
}

var (
	gaveUp = lazyregexp.New(`(?i)time-?d? ?out`)
	// swaks goes on in clear text after a handshake that failed.
	handshake = lazyregexp.New(`TLS startup failed`)
	cutOff    = lazyregexp.New(`(?i)(closed|reset|lost|eof|broken pipe|disconnect)`)
)

// inference is what the shape of a dialogue says: where it ends, and how.
func (d *talk) inference() []evidence {
	at := d.missed
	if !d.ended {
		at = d.waiting
	}
	if handshake.MatchString(d.rest) {
		at = "TLS"
	}
	if !d.is || at == "" && !d.greeted || len(d.refused) > 0 && at != d.missed {
		return nil
	}
	e := evidence{sure: Probable, level: serverCode, family: "dialogue", words: "no answer to " + at}
	if d.greeted && gaveUp.MatchString(d.rest) {
		e.means, e.words = []string{"wrong-protocol", "no-answer"}, "the server greets, and the client never answers"
		return []evidence{e}
	}
	late, cut := gaveUp.MatchString(d.rest), cutOff.MatchString(d.rest)
	switch {
	case at == "TLS" && late:
		e.means = []string{"tls-no-answer"}
	case at == "TLS" && cut:
		e.means = []string{"tls-broken-off"}
	case at == "TLS":
		e.means, e.level = []string{"tls-broken-off", "tls-no-answer", "starttls-refused"}, anyWords
	case at == "greeting" && late && cut: // the server says nothing until it reads something, and breaks off then
		e.means = []string{"clear-to-tls-port", "no-greeting", "closed-at-greeting"}
	case at == "greeting" && late:
		e.means = []string{"no-greeting", "clear-to-tls-port", "slow-server", "wrong-protocol"}
	case at == "greeting":
		e.means = []string{"closed-at-greeting", "clear-to-tls-port"}
	case late:
		e.means = []string{"no-answer", "slow-server", "reply-lost", "upload-stalls"}
	case cut:
		e.means = []string{"connection-lost", "session-ended", "reply-lost"}
	default:
		e.means, e.sure = []string{"no-answer", "connection-lost"}, OneOf
	}
	return []evidence{e}
}
