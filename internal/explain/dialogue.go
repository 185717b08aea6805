package explain

import (
	"regexp"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
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
	proto   string
}

// reply is a reply that refuses something.
type reply struct {
	protocol string
	at       string // the command that it answers, or "greeting"
	text     string // its lines, separated by \n
	event.Verdict
}

// prefix is what logs write before the line that went over the wire: arrows, sides, times, threads, quotes.
var prefix = regexp.MustCompile(`^(?:` + strings.Join([]string{
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

// swaks says what it does, so that even a dialogue without a reply is known as one.
var swaks = regexp.MustCompile(`(?m)^=== Connected to `)

var (
	smtpReply = regexp.MustCompile(`^[2-5]\d\d(?:[ -]|$)`)
	popReply  = regexp.MustCompile(`^(?:\+OK|-ERR)(?: |$)`)
	untagged  = regexp.MustCompile(`^\* (?:OK|NO|BAD|BYE|PREAUTH|CAPABILITY|FLAGS|LIST|LSUB|STATUS|SEARCH|NAMESPACE|ID|ENABLED|\d+ (?:EXISTS|RECENT|FETCH|EXPUNGE))\b`)
	tagged    = regexp.MustCompile(`^([A-Za-z]{0,8}\d{1,10}) (OK|NO|BAD)(?: |$)`)
	goAhead   = regexp.MustCompile(`^\+(?: |$)`)
	command   = regexp.MustCompile(`^(?i:EHLO|HELO|STARTTLS|AUTH|MAIL FROM|RCPT TO|DATA|BDAT|RSET|QUIT|CAPA|STLS|USER|PASS|APOP|STAT|UIDL|RETR|DELE|TOP)(?:[ :]|$)`)
	tagOf     = regexp.MustCompile(`^([A-Za-z]{0,8}\d{1,10}) (?i:(UID )?([A-Z]{4,12}))(?: |$)`)
)

// readDialogue looks for the lines of a dialogue. Two lines make one, if they are a reply and a command or begin like a log.
func readDialogue(text string) *talk {
	d := &talk{waiting: "greeting"}
	var (
		rest           strings.Builder
		replies, sides int
		tags           = map[string]string{} // IMAP: tag to verb
		last           = "greeting"          // the command that the next reply answers
		lines          []string              // of an SMTP reply that isn't complete
		open           bool
	)
	for raw := range strings.SplitSeq(text, "\n") {
		p, line, marked := wireLine(raw, tags, open)
		if p == nil {
			if !strings.HasPrefix(raw, "=== ") { // swaks tells what it does
				rest.WriteString(raw + "\n")
			}
			continue
		}
		if marked {
			sides++
		}
		if isReply := p.isReply; !isReply {
			sides++
			cmd := p.Replies.Command(line)
			verb := cmd.Verb
			if w, ok := p.Words.Find(verb); ok && w.Leaves {
				if !d.ended {
					d.missed = d.waiting
				}
				d.ended = true
			}
			if cmd.Tag != "" {
				tags[cmd.Tag] = verb
			}
			last, d.waiting, d.proto, open = verb, verb, p.Name, false
			continue
		}
		replies++
		if d.waiting == "greeting" {
			d.waiting = ""
		}
		d.proto = p.Name
		if p.Name == "smtp" {
			lines = append(lines, line)
			if open = len(line) > 3 && line[3] == '-'; open {
				continue
			}
		} else {
			lines = []string{line}
		}
		at, tag := last, ""
		if m := tagged.FindStringSubmatch(line); m != nil && p.Name == "imap" {
			tag = m[1]
			if verb, ok := tags[tag]; ok {
				at = verb
			}
		}
		v := p.Replies.Verdict(tag, lines, at == "greeting")
		if p.Name == "smtp" && odd(at, v.Code) {
			v.Class = event.Nonsense
		}
		said := strings.Join(lines, "\n")
		lines = nil
		if v.Class == event.OK || v.Class == event.Continue {
			if at == last && (p.Name != "imap" || tag != "" || v.Class == event.Continue) {
				d.waiting = ""
			}
			if strings.HasPrefix(at, "ST") && v.Class == event.OK && (at == "STARTTLS" || at == "STLS") {
				last, d.waiting = "TLS", "TLS"
			}
			if at == "DATA" && v.Class == event.Continue {
				last, d.waiting = "message", "message"
			}
			if last == "greeting" {
				last = "" // what comes now without a command is no greeting
			}
			continue
		}
		if p.Name == "imap" && tag == "" && !strings.Contains(line, "BYE") && !strings.HasPrefix(line, "* NO") && !strings.HasPrefix(line, "* BAD") {
			continue // data
		}
		if strings.HasPrefix(line, "* BYE") && d.ended {
			continue
		}
		d.waiting = ""
		d.refused = append(d.refused, reply{p.Name, at, said, v})
		rest.WriteString(said + "\n")
	}
	d.is = replies > 0 && sides > 0 && replies+sides > 2 || swaks.MatchString(text)
	d.rest = rest.String()
	if !d.is {
		d.rest, d.refused = text, nil
	}
	return d
}

// spoken is the protocol of a line, and who said it.
type spoken struct {
	*protocol.Protocol
	isReply bool
}

// wireLine returns the line that went over the wire. marked says that a log's prefix stood before it. open says that an SMTP
// reply of several lines isn't complete.
func wireLine(raw string, tags map[string]string, open bool) (p *spoken, line string, marked bool) {
	line = raw
	if len(line) > 4<<10 {
		line = line[:4<<10]
	}
	for range mostPrefixes {
		if p = speaks(line, tags); p != nil {
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
	line = strings.TrimRight(line, " \t")
	for _, end := range []string{`'`, `"`, `\r\n`, `\n`, `\r`} {
		line = strings.TrimSuffix(line, end)
	}
	return p, line, marked
}

func speaks(line string, tags map[string]string) *spoken {
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
	gaveUp = regexp.MustCompile(`(?i)time-?d? ?out`)
	// swaks goes on in clear text after a handshake that failed.
	handshake = regexp.MustCompile(`TLS startup failed`)
	cutOff    = regexp.MustCompile(`(?i)(closed|reset|lost|eof|broken pipe|disconnect)`)
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
	if !d.is || at == "" || len(d.refused) > 0 && at != d.missed {
		return nil
	}
	e := evidence{sure: Probable, level: serverCode, family: "dialogue", words: "no answer to " + at}
	late, cut := gaveUp.MatchString(d.rest), cutOff.MatchString(d.rest)
	switch {
	case at == "TLS" && late:
		e.means = []string{"tls-no-answer"}
	case at == "TLS" && cut:
		e.means = []string{"tls-broken-off"}
	case at == "TLS":
		e.means, e.level = []string{"tls-broken-off", "tls-no-answer", "starttls-refused"}, anyWords
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
