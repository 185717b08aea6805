package diagnose

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Facts is a record, split into commands with their replies.
type Facts struct {
	*event.Record
	Host     string // the client's address without its port; "" if nobody saw it
	Greeting Reply
	Steps    []*Step
	// Heard is what the client said that nobody answered and that belongs to no command: to a silent server, or after
	// STARTTLS.
	Heard []Heard
	// Listed is the last capability list, in upper case. The key is true for the one inside TLS.
	Listed map[bool]*List

	offered   *List                // what the server would have listed of logins in the last phase; nil: unknown
	shown     *Step                // where the predicate that ran last found what it looked for; see inTurn
	speaks    *protocol.Protocol   // the record's protocol; it has no words if the table doesn't know it
	sent      []sentMessage        // what the client sent by SMTP
	reading   *reading             // the reply that may go on
	protocols []*protocol.Protocol // all that the table knows
}

// Step is a command and what came of it.
type Step struct {
	event.Command
	Word     protocol.Word // what the protocol says about the command
	At       time.Duration // since the connection was accepted
	Secure   bool          // inside TLS
	Reply    Reply
	GoAhead  bool               // the server told the client to send more
	Exchange []event.AnswerForm // what the client's lines in a login exchange were
	Finished time.Duration      // when the client ended a lasting command; 0: it hasn't
	Told     time.Duration      // when the server told of new mail, during IDLE; 0: it hasn't
	// Uploaded and Downloaded count bytes of messages and literals.
	Uploaded, Downloaded int64
	Listed               *List       // what the server had advertised in this phase before; nil: nothing
	Delayed              bool        // a scenario delayed the reply
	Silenced             bool        // a scenario answered with silence
	Left                 bool        // the client left while a scenario held the reply back
	Cut                  bool        // a scenario ended the connection here
	WentOn               bool        // the client sent something without the reply, after it had waited for it
	HeaderLine           bool        // it isn't a command, and begins like the header of a message
	BodyCut              bool        // the client didn't send all of its message or literal
	Lines                event.Lines // of a message that came by SMTP's DATA
	Head                 string      // how the message or literal that the client sent begins; line ends are \n

	startTLS bool
	idles    bool // the server has let IDLE begin
}

// Reply is the server's reply to one command, or its greeting.
type Reply struct {
	Lines    []string
	At       time.Duration
	Injected string // the scenario that made up any part of it
	event.Verdict
}

// Text returns the reply's lines, joined by spaces.
func (r *Reply) Text() string { return strings.Join(r.Lines, " ") }

// Last returns the reply's last line, or "".
func (r *Reply) Last() string {
	if len(r.Lines) == 0 {
		return ""
	}
	return r.Lines[len(r.Lines)-1]
}

// Failed reports whether the reply is a refusal, temporary or permanent.
func (r *Reply) Failed() bool { return r.Class == event.Permanent || r.Class == event.Temporary }

// Heard is a line that nobody answered.
type Heard struct {
	event.HeardLine
	Secure bool
}

// List is a list of capabilities.
type List struct {
	Names      []string // in upper case; SMTP's with their parameters
	Injected   string
	AfterLogin bool // it came with the reply to a login, or later
}

// Has reports whether the list contains a capability, with or without parameters.
func (l *List) Has(name string) bool {
	_, ok := l.Param(name)
	return ok
}

// Param returns what follows a capability's name, and whether the list contains it.
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

// Mechanisms returns the SASL mechanisms in the list.
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

// has reports whether the record holds an event of a type.
func has[W event.What](f *Facts) bool { return event.Has[W](f.Record) }

// Extract turns a record into facts.
func (t *Table) Extract(r *event.Record) *Facts {
	f := &Facts{Record: r, Listed: map[bool]*List{}, protocols: t.Protocols, speaks: protocol.Find(t.Protocols, r.Protocol)}
	if f.speaks == nil {
		f.speaks = &protocol.Protocol{Name: r.Protocol, Title: strings.ToUpper(r.Protocol)}
	}
	if len(r.Offered) > 0 {
		f.offered = &List{Names: protocol.Upper(slices.Clone(r.Offered))} // the record is shared
	}
	if host, _, err := net.SplitHostPort(r.Client); err == nil {
		f.Host = host
	}
	var cur *Step
	for i, e := range r.Events {
		if r.Elided > 0 && i == r.ElidedAt {
			f.understand()
			cur = &Step{} // the next replies may belong to any command
		}
		if c, ok := e.What.(*event.Command); ok {
			f.understand()
			cur = f.command(c, e)
			f.Steps = append(f.Steps, cur)
			continue
		}
		f.happened(cur, e)
	}
	f.understand()
	f.sent = f.sentMessages()
	return f
}

// happened adds an event to the command before it. cur is nil before the first command.
func (f *Facts) happened(cur *Step, e event.Event) {
	switch w := e.What.(type) {
	case *event.Reply:
		f.said(cur, w, e)
		return
	case *event.Overheard:
		for _, line := range w.Lines {
			f.Heard = append(f.Heard, Heard{line, e.Secure})
		}
		return
	}
	if cur == nil {
		return
	}
	switch w := e.What.(type) {
	case *event.Answer:
		cur.Exchange = append(cur.Exchange, w.Form)
	case *event.Finish:
		cur.Finished = e.At
	case *event.Body:
		if w.From == event.Client {
			if cur.Uploaded == 0 {
				cur.Head = w.Head
			}
			cur.Uploaded += w.Bytes
			cur.BodyCut = !w.Ended
			if w.Ended {
				cur.Lines = w.Lines
			}
		} else {
			cur.Downloaded += w.Bytes
		}
	case *event.Delayed:
		cur.Delayed = true
	case *event.Silenced:
		cur.Silenced = true
	case *event.Cut:
		cur.Cut = true
	case *event.Noticed:
		cur.Left = cur.Left || w.Sign == event.LeftWaiting
		cur.WentOn = cur.WentOn || w.Sign == event.WentOn
		cur.HeaderLine = cur.HeaderLine || w.Sign == event.HeaderLine
	}
}

func (f *Facts) command(c *event.Command, e event.Event) *Step {
	return &Step{
		Command: *c, Word: f.word(c.Verb), At: e.At, Secure: e.Secure, Listed: f.Listed[e.Secure],
		startTLS: c.Verb != "" && slices.ContainsFunc(f.protocols, func(p *protocol.Protocol) bool { return p.StartTLS == c.Verb }),
	}
}

// word returns what is known about a verb. It asks the record's protocol first, then the others, because the client may
// have connected to the wrong port.
func (f *Facts) word(verb string) protocol.Word {
	word, ok := f.speaks.Words.Find(verb)
	for i := 0; !ok && i < len(f.protocols); i++ {
		word, ok = f.protocols[i].Words.Find(verb)
	}
	return word
}

// said adds lines from the server to the reply to a command, or to the greeting.
func (f *Facts) said(cur *Step, w *event.Reply, e event.Event) {
	r, tag, verb := &f.Greeting, "", ""
	if cur != nil {
		r, tag, verb = &cur.Reply, cur.Tag, cur.Verb
	}
	lines := w.Lines()
	if e.By != "" {
		r.Injected = e.By
	}
	if f.reading != nil && (f.reading.reply != r || f.reading.secure != e.Secure) {
		f.understand()
	}
	if f.reading == nil {
		f.reading = &reading{reply: r, tag: tag, verb: verb, greeting: cur == nil, secure: e.Secure}
	}
	if len(r.Lines) == 0 {
		r.At, r.Verdict = e.At, w.Verdict
	} else {
		f.reading.pieces = true
		if f.speaks.Replies == nil && w.Class != event.NoReply {
			r.Verdict = w.Verdict
		}
	}
	r.Lines = append(r.Lines, lines...)
	if cur != nil {
		cur.tells(lines, e.At)
	}
	if cur != nil && (cur.Word.Mail || cur.Word.Login) {
		cur.GoAhead = cur.GoAhead || slices.ContainsFunc(lines, func(line string) bool { return f.asksForMore(tag, line) })
	}
}

// reading is a reply that may go on: a FETCH has thousands of pieces.
type reading struct {
	reply     *Reply
	tag, verb string
	greeting  bool
	secure    bool
	pieces    bool // the reply came in several pieces
}

// understand judges a complete reply, once. Judging it again with each piece would take time that grows with the square
// of its length.
func (f *Facts) understand() {
	h := f.reading
	f.reading = nil
	if h == nil || f.speaks.Replies == nil {
		return
	}
	if h.pieces { // each piece has a verdict of its own
		h.reply.Verdict = f.speaks.Replies.Verdict(h.tag, h.reply.Lines, h.greeting)
	}
	if names, ok := f.speaks.Replies.List(h.verb, h.reply.Lines); ok {
		f.Listed[h.secure] = &List{names, h.reply.Injected, f.has((*Step).logsIn)}
	}
}

// asksForMore reports whether this line from the server tells the client to go on.
func (f *Facts) asksForMore(tag, line string) bool {
	return f.speaks.Replies != nil && f.speaks.Replies.Verdict(tag, []string{line}, false).Class == event.Continue
}

func itoa(n int) string { return strconv.Itoa(n) }
