package diagnose

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// Facts is a session taken apart.
type Facts struct {
	*transcript.Session
	Host     string // the client's address without its port; "" when nobody saw it
	Greeting Reply
	Steps    []*Step
	Notes    []Note
	// Heard is what the client said that nobody answered, and that isn't part of a
	// command: to a silent server, behind STARTTLS.
	Heard []Heard
	// Listed is the last list of capabilities in clear and inside TLS, upper case.
	Listed map[bool]*List
}

// Step is a command with what came of it.
type Step struct {
	Text     string // as the client sent it, masked
	Tag      string // IMAP
	Verb     string // upper case, like RCPT, UID FETCH; "" for a line that is no command
	Args     string
	At       time.Duration // since the session's start
	Secure   bool          // inside TLS
	Reply    Reply
	Exchange []string // the client's lines of a login exchange: "***", "*" or ""
	// Uploaded and Downloaded are bytes of messages and literals.
	Uploaded, Downloaded int64
	Listed               *List // what the server had listed in this phase, before; nil: nothing
	Delayed              bool  // a scenario made the client wait for the reply
	Silenced             bool  // a scenario answered with silence
	Cut                  bool  // a scenario ended the connection here
}

// Reply is what a server said to one command, or its greeting.
type Reply struct {
	Lines    []string
	At       time.Duration
	Injected string // the scenario that made up any of it
	Outcome  Outcome
	Code     string // SMTP: 550; IMAP: the response code, like UNAVAILABLE; POP3: like SYS/TEMP
}

// Text is the reply's lines in one.
func (r *Reply) Text() string { return strings.Join(r.Lines, " ") }

// Last is the reply's last line, "" without one.
func (r *Reply) Last() string {
	if len(r.Lines) == 0 {
		return ""
	}
	return r.Lines[len(r.Lines)-1]
}

// Outcome is what a reply comes to.
type Outcome int

// The outcomes.
const (
	NoReply   Outcome = iota
	OK                // done
	Continue          // go on: 354, 334, +
	Temporary         // not now: 4xx, [UNAVAILABLE], [SYS/TEMP], BYE
	Permanent         // no: 5xx, NO, BAD, -ERR
	Nonsense          // a reply that the protocol doesn't have there
)

// Note is a remark of the gate's.
type Note struct {
	At       time.Duration
	Event    transcript.Event
	Text     string
	Injected string
	Step     *Step // the command before it, nil before the first
}

// Heard is a line that nobody answered.
type Heard struct {
	Text   string
	Secure bool
}

// List is a list of capabilities.
type List struct {
	Names      []string // upper case, SMTP's with their parameters
	Injected   string
	AfterLogin bool // with a login's reply, or later
}

// Has tells if the list names a capability, with or without parameters.
func (l *List) Has(name string) bool {
	_, ok := l.Param(name)
	return ok
}

// Param returns what stands behind a capability's name.
func (l *List) Param(name string) (string, bool) {
	if l == nil {
		return "", false
	}
	for _, n := range l.Names {
		word, rest, _ := strings.Cut(n, " ")
		if word == name {
			return rest, true
		}
	}
	return "", false
}

// Mechanisms lists the SASL mechanisms of the list.
func (l *List) Mechanisms() (all []string) {
	if l == nil {
		return nil
	}
	for _, n := range l.Names {
		word, rest, _ := strings.Cut(n, " ")
		if m, ok := strings.CutPrefix(word, "AUTH="); ok {
			all = append(append(all, m), strings.Fields(rest)...)
		} else if word == "AUTH" || word == "SASL" {
			all = append(all, strings.Fields(rest)...)
		}
	}
	return all
}

// last is the time of the last thing that the session shows.
func (f *Facts) last() time.Time {
	if !f.End.IsZero() {
		return f.End
	}
	if n := len(f.Units); n > 0 {
		return f.Start.Add(f.Units[n-1].At)
	}
	return f.Start
}

// Has tells if the gate noted an event.
func (f *Facts) Has(event transcript.Event) bool {
	_, ok := f.Note(event)
	return ok
}

// Note returns the first note of an event.
func (f *Facts) Note(event transcript.Event) (Note, bool) {
	for _, n := range f.Notes {
		if n.Event == event {
			return n, true
		}
	}
	return Note{}, false
}

// Extract takes a session apart.
func Extract(s *transcript.Session) *Facts {
	f := &Facts{Session: s, Listed: map[bool]*List{}}
	if host, _, err := net.SplitHostPort(s.Client); err == nil {
		f.Host = host
	}
	var cur *Step
	for i := range s.Units {
		u := &s.Units[i]
		if s.Elided > 0 && i == s.ElidedAt {
			cur = &Step{} // whose replies come now nobody knows
		}
		switch {
		case u.From == transcript.FromRig:
			f.Notes = append(f.Notes, Note{u.At, u.Event, u.Text, u.Injected, cur})
			if cur != nil {
				switch u.Event {
				case transcript.Delayed:
					cur.Delayed = true
				case transcript.Silent:
					cur.Silenced = true
				case transcript.Cut:
					cur.Cut = true
				}
			}
		case u.From == transcript.FromServer && u.Kind == transcript.Data:
			if cur != nil {
				cur.Downloaded += u.Bytes
			}
		case u.From == transcript.FromServer:
			r := &f.Greeting
			if cur != nil {
				r = &cur.Reply
			}
			f.said(cur, r, u)
		case u.Kind == transcript.Command && cur != nil && strings.EqualFold(u.Text, "DONE") && cur.Verb == "IDLE":
			cur.Exchange = append(cur.Exchange, "DONE@"+strconv.FormatInt(int64(u.At), 10))
		case u.Kind == transcript.Command:
			cur = f.command(u)
			f.Steps = append(f.Steps, cur)
		case u.Kind == transcript.Auth:
			if cur != nil {
				cur.Exchange = append(cur.Exchange, strings.Split(u.Text, "\n")...)
			}
		case cur != nil && cur.takesData(s.Protocol):
			cur.Uploaded += u.Bytes
		default:
			for line := range strings.SplitSeq(u.Text, "\n") {
				f.Heard = append(f.Heard, Heard{line, u.Secure})
			}
		}
	}
	f.judgeReplies()
	return f
}

// takesData tells if bytes that come now belong to the command.
func (s *Step) takesData(protocol string) bool {
	switch protocol {
	case "smtp":
		return s.Verb == "BDAT" || s.Verb == "DATA" && len(s.Reply.Lines) > 0
	case "imap":
		return strings.HasSuffix(s.Text, "}") && !s.Silenced
	}
	return false
}

func (f *Facts) said(cur *Step, r *Reply, u *transcript.Unit) {
	if len(r.Lines) == 0 {
		r.At = u.At
	}
	lines := strings.Split(u.Text, "\n")
	r.Lines = append(r.Lines, lines...)
	if u.Injected != "" {
		r.Injected = u.Injected
	}
	if l := f.listIn(cur, r); l != nil {
		l.Injected = r.Injected
		l.AfterLogin = f.has((*Step).logsIn)
		f.Listed[u.Secure] = l
	}
}

var imapList = regexp.MustCompile(`(?i)(?:^\* CAPABILITY |\[CAPABILITY )([^\]]*)`)

// listIn finds the list of capabilities in a reply, nil for none.
func (f *Facts) listIn(cur *Step, r *Reply) *List {
	var l List
	switch f.Protocol {
	case "imap":
		for _, line := range r.Lines {
			if m := imapList.FindStringSubmatch(line); m != nil {
				l.Names = strings.Fields(strings.ToUpper(m[1]))
			}
		}
		if l.Names == nil {
			return nil
		}
	case "smtp":
		if cur == nil || cur.Verb != "EHLO" || !strings.HasPrefix(r.Last(), "250") {
			return nil
		}
		for _, line := range r.Lines[1:] {
			if len(line) > 4 {
				l.Names = append(l.Names, strings.ToUpper(line[4:]))
			}
		}
	case "pop3":
		if cur == nil || cur.Verb != "CAPA" || !strings.HasPrefix(r.Lines[0], "+OK") {
			return nil
		}
		for _, line := range r.Lines[1:] {
			if line != "." {
				l.Names = append(l.Names, strings.ToUpper(line))
			}
		}
	}
	return &l
}

func (f *Facts) command(u *transcript.Unit) *Step {
	s := &Step{Text: u.Text, At: u.At, Secure: u.Secure, Listed: f.Listed[u.Secure]}
	rest := strings.TrimLeft(u.Text, " ")
	if f.Protocol == "imap" {
		s.Tag, rest, _ = strings.Cut(rest, " ")
	}
	verb, args, _ := strings.Cut(rest, " ")
	s.Verb, s.Args = strings.ToUpper(verb), args
	if f.Protocol == "imap" && s.Verb == "UID" {
		sub, rest, _ := strings.Cut(args, " ")
		s.Verb, s.Args = "UID "+strings.ToUpper(sub), rest
	}
	return s
}

// judgeReplies says of every reply what it comes to.
func (f *Facts) judgeReplies() {
	if len(f.Greeting.Lines) > 0 {
		f.Greeting.Outcome, f.Greeting.Code = f.greetingOutcome()
	}
	for _, s := range f.Steps {
		if len(s.Reply.Lines) == 0 {
			continue
		}
		switch f.Protocol {
		case "smtp":
			s.Reply.Outcome, s.Reply.Code = smtpOutcome(s.Reply.Last())
		case "imap":
			s.Reply.Outcome, s.Reply.Code = imapOutcome(s.Tag, s.Reply.Lines)
		default:
			s.Reply.Outcome, s.Reply.Code = pop3Outcome(s.Reply.Lines)
		}
	}
}

func (f *Facts) greetingOutcome() (Outcome, string) {
	first, last := f.Greeting.Lines[0], f.Greeting.Last()
	switch f.Protocol {
	case "smtp":
		o, code := smtpOutcome(last)
		if code == "220" || o == Temporary && code == "421" || code == "554" {
			return o, code
		}
		return Nonsense, code
	case "imap":
		word, rest, _ := strings.Cut(strings.TrimPrefix(first, "* "), " ")
		switch {
		case !strings.HasPrefix(first, "* "):
			return Nonsense, ""
		case word == "OK" || word == "PREAUTH":
			return OK, codeIn(rest)
		case word == "BYE":
			return Temporary, codeIn(rest)
		}
		return Nonsense, ""
	}
	switch {
	case strings.HasPrefix(first, "+OK"):
		return OK, ""
	case strings.HasPrefix(first, "-ERR"):
		return pop3Outcome([]string{first})
	}
	return Nonsense, ""
}

func smtpOutcome(line string) (Outcome, string) {
	if len(line) < 3 {
		return Nonsense, ""
	}
	code := line[:3]
	switch line[0] {
	case '2':
		return OK, code
	case '3':
		return Continue, code
	case '4':
		return Temporary, code
	case '5':
		return Permanent, code
	}
	return Nonsense, code
}

// Response codes that mean "not now": RFC 5530 section 3, RFC 9051 section 7.1.
var imapTemporary = []string{"UNAVAILABLE", "INUSE", "EXPUNGEISSUED", "TRYCREATE", "THROTTLED"}

func imapOutcome(tag string, lines []string) (Outcome, string) {
	o, code := NoReply, ""
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "* BYE") && o == NoReply:
			o, code = Temporary, codeIn(strings.TrimPrefix(line, "* BYE "))
		case strings.HasPrefix(line, "+") && o == NoReply:
			o = Continue
		case tag != "" && strings.HasPrefix(line, tag+" "):
			word, rest, _ := strings.Cut(line[len(tag)+1:], " ")
			code = codeIn(rest)
			switch {
			case word == "OK":
				return OK, code
			case word == "NO" && slices.Contains(imapTemporary, code):
				return Temporary, code
			case word == "BYE":
				return Temporary, code
			case word == "NO" || word == "BAD":
				return Permanent, code
			}
			return Nonsense, code
		case strings.HasPrefix(line, "* BAD"):
			o = Permanent
		}
	}
	return o, code
}

var pop3Temporary = []string{"SYS/TEMP", "IN-USE", "LOGIN-DELAY"}

func pop3Outcome(lines []string) (Outcome, string) {
	line := lines[0]
	if n := len(lines); n > 1 && (strings.HasPrefix(line, "+ ") || line == "+") {
		line = lines[n-1] // the end of a login exchange
	}
	switch {
	case strings.HasPrefix(line, "+OK"):
		return OK, ""
	case strings.HasPrefix(line, "-ERR"):
		code := strings.ToUpper(codeIn(strings.TrimPrefix(line, "-ERR ")))
		if slices.Contains(pop3Temporary, code) {
			return Temporary, code
		}
		return Permanent, code
	case strings.HasPrefix(line, "+"):
		return Continue, ""
	}
	return Nonsense, ""
}

// codeIn returns the first word in brackets at the beginning of a text.
func codeIn(text string) string {
	rest, ok := strings.CutPrefix(text, "[")
	if !ok {
		return ""
	}
	code, _, _ := strings.Cut(rest, "]")
	code, _, _ = strings.Cut(code, " ")
	return code
}

func itoa(n int) string { return strconv.Itoa(n) }
