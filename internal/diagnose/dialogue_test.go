package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// A dialogue is the records of sessions, with one event on each line:
//
//	session 143                     the door. After it, in any order:
//	                                  from ADDR  at 5s  to ADDR  times 16 every 10ms  control
//	S: * OK ready                   what the server says; consecutive lines are one event, if no time passes
//	S: [scenario] a1 NO no          ... made up by a scenario
//	C: a1 LOGIN alice ***           a command
//	C+ a1 LOGIN alice ***           ... that came before the reply to the command before it
//	C* ***                          a line of a login exchange: ***, * or nothing
//	C! DONE                         the line that ends a lasting command
//	C> Subject: hello (9000 bytes)  a message or a literal; S> likewise. (9000 bytes, cut): its end never came
//	C? EHLO client                  a line that nobody answers
//	+30s                            time passes
//	-- tls: TLS 1.3, sni localhost, certificate expired, bad, wrong name
//	-- tls failed: refused-by-client, alert 48, sni localhost    an outcome, and what is known
//	-- tls alert: 42                after a completed handshake
//	-- tls closed:                  with close_notify
//	-- login: alice PLAIN refused tag7    and latin1, if the password isn't in UTF-8
//	-- stored: <id@example.test> from alice@example.test for bob@example.test
//	-- form: missing From Date, repeated To, bcc a@b, date x, eight-bit, boundary b    of the message that is stored
//	-- lines: longest 1200, bare-cr 1, double-cr 2, eight-bit    of the message that the client sent last
//	-- asked: token refresh_token app replaced=1m    of the issuer; "session issuer" opens its record
//	-- token-use: expired 3 app ends=-5s refreshable    what the issuer knows of a token that the door refused
//	-- offered: USER, SASL PLAIN    the ways to log in that the server would list, whether the client asks or not
//	-- cut: [scenario] dialogue close    another event: see (*dialogue).event
//	end client                      who ended the session; without this line it is still open
//
// A line of its own says more about the case: over, succeeded, failed, killed, blocked 25, now +1m (after the last
// event).
type dialogue struct {
	t        testing.TB
	sessions []*event.Record
	control  []*event.Record
	known    bool // there is a control run, which may be empty
	c        Case
	now      time.Duration

	cur    *event.Record
	proto  *protocol.Protocol
	start  time.Duration // of cur
	at     time.Duration // since cur's start
	secure bool
	times  int
	every  time.Duration
	inCtrl bool
	last   time.Duration // the latest end of any session
	ports  int
	ids    int
}

var began = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

// standardDoor finds the door with this port, and its protocol.
func standardDoor(port int) (protocol.Door, *protocol.Protocol) {
	for _, p := range all.Protocols() {
		for _, d := range p.Doors {
			if d.Port == port {
				return d, p
			}
		}
	}
	return protocol.Door{}, nil
}

// readCase makes a case from a dialogue.
func readCase(t testing.TB, text string) *Case {
	t.Helper()
	d := &dialogue{t: t, now: time.Second}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		d.line(line)
	}
	d.close()
	c := NewCase(d.sessions, began.Add(d.last+d.now))
	if d.known {
		c.WithControl(d.control)
	}
	c.Over, c.Succeeded, c.Killed, c.Blocked = d.c.Over, d.c.Succeeded, d.c.Killed, d.c.Blocked
	return c
}

var marked = regexp.MustCompile(`^\[([a-z0-9-]+)\] ?`)

func (d *dialogue) line(line string) {
	word, rest, _ := strings.Cut(line, " ")
	scenario := ""
	if m := marked.FindStringSubmatch(rest); m != nil && word != "--" {
		scenario, rest = m[1], rest[len(m[0]):]
	}
	yes, no := true, false
	switch word {
	case "over":
		d.c.Over = true
	case "succeeded":
		d.c.Succeeded = &yes
	case "failed":
		d.c.Succeeded = &no
	case "killed":
		d.c.Killed = true
	case "blocked":
		d.c.Blocked = map[int]bool{}
		for _, n := range strings.Fields(rest) {
			d.c.Blocked[d.number(n)] = true
		}
	case "now":
		d.now = d.duration(strings.TrimPrefix(rest, "+"))
	case "session":
		d.close()
		d.open(strings.Fields(rest))
	case "C:":
		d.command(rest, false)
	case "C+":
		d.command(rest, true)
	case "C*":
		d.add(scenario, &event.Answer{Form: map[string]event.AnswerForm{"***": event.SecretAnswer, "*": event.CancelAnswer, "": event.EmptyAnswer}[rest]})
	case "C!":
		d.cur.Counts.Commands++
		d.add(scenario, &event.Finish{Line: rest})
	case "C?":
		d.overheard(rest)
	case "C>":
		d.body(event.Client, rest, scenario)
	case "S:":
		d.reply(rest, scenario)
	case "S>":
		d.body(event.Server, rest, scenario)
	case "--":
		d.note(rest)
	case "end":
		d.at += time.Millisecond
		d.cur.EndedBy = event.EndedBy(rest)
		d.cur.End = d.cur.Start.Add(d.at)
	default:
		if after, ok := strings.CutPrefix(word, "+"); ok {
			d.at += d.duration(after)
			return
		}
		d.t.Fatalf("what is %q?", line)
	}
}

// issuer stands for the issuer's door.
var issuer = &protocol.Protocol{Name: event.OAuth}

func (d *dialogue) open(words []string) {
	var door int
	facts, speaks := protocol.Door{Service: "http", Security: "clear"}, issuer
	if words[0] == "issuer" {
		door = 80
	} else {
		door = d.number(words[0])
		facts, speaks = standardDoor(door)
	}
	if speaks == nil {
		d.t.Fatalf("there is no door %d", door)
	}
	client, server := "192.0.2.7", "192.0.2.1"
	d.start, d.times, d.every, d.inCtrl = d.last+time.Second, 1, 10*time.Millisecond, false
	for i := 1; i < len(words); i++ {
		if words[i] == "control" {
			d.inCtrl, d.known = true, true
			continue
		}
		i++
		switch value := words[i]; words[i-1] {
		case "from":
			client = value
		case "to":
			server = value
		case "at":
			d.start = d.duration(value)
		case "times":
			d.times = d.number(value)
		case "every":
			d.every = d.duration(value)
		default:
			d.t.Fatalf("what is %q behind session?", words[i-1])
		}
	}
	d.ports++
	if client != "unknown" {
		client += ":" + strconv.Itoa(40000+d.ports)
	}
	d.at, d.secure = 0, false
	d.proto = speaks
	d.cur = &event.Record{Door: door, Service: facts.Service, Protocol: speaks.Name, Security: string(facts.Security), Client: client,
		Server: joinHost(server, door), Start: began.Add(d.start)}
}

func joinHost(host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}

func (d *dialogue) close() {
	if d.cur == nil {
		return
	}
	d.last = max(d.last, d.start+d.at)
	d.settle()
	for i := range d.times {
		s := *d.cur
		s.Start = s.Start.Add(time.Duration(i) * d.every)
		if !s.End.IsZero() {
			s.End = s.End.Add(time.Duration(i) * d.every)
		}
		d.ids++
		s.ID = strconv.Itoa(d.ids)
		if d.inCtrl {
			d.control = append(d.control, &s)
		} else {
			d.sessions = append(d.sessions, &s)
		}
		d.last = max(d.last, d.start+d.at+time.Duration(i)*d.every)
	}
	d.cur = nil
}

// add appends an event a moment after the previous one.
func (d *dialogue) add(scenario string, what event.What) {
	d.mark(scenario)
	d.at += time.Millisecond
	d.cur.Events = append(d.cur.Events, event.Event{At: d.at, Secure: d.secure, By: scenario, What: what})
}

func (d *dialogue) command(line string, early bool) {
	l := d.proto.Replies.Command(line)
	d.cur.Counts.Commands++
	d.cur.Counts.BytesIn += int64(len(line) + 2)
	d.add("", &event.Command{Line: line, Tag: l.Tag, Verb: l.Verb, Args: l.Args, Secret: strings.HasSuffix(line, event.Mask) && protocol.Joined(line) == 0, Early: early, Bytes: int64(len(line) + 2)})
}

func (d *dialogue) overheard(line string) {
	h := event.HeardLine{Text: line, Secret: strings.HasSuffix(line, event.Mask)}
	if line != event.Mask {
		h.Verb = d.proto.Replies.Command(line).Verb
	}
	d.cur.Counts.BytesIn += int64(len(line) + 2)
	if e := d.joins(""); e != nil {
		if o, ok := e.What.(*event.Overheard); ok {
			o.Lines = append(o.Lines, h)
			return
		}
	}
	d.add("", &event.Overheard{Lines: []event.HeardLine{h}})
}

// joins returns the last event if more of the same kind may become part of it.
func (d *dialogue) joins(scenario string) *event.Event {
	if n := len(d.cur.Events); n > 0 && d.cur.Events[n-1].By == scenario && d.cur.Events[n-1].Secure == d.secure {
		return &d.cur.Events[n-1]
	}
	return nil
}

func (d *dialogue) reply(line, scenario string) {
	n := len(d.cur.Events)
	for n > 0 && has[*event.Stored](&Facts{Record: &event.Record{Events: d.cur.Events[n-1 : n]}}) {
		n-- // a message is stored before it is answered
	}
	if n > 0 {
		body, ok := d.cur.Events[n-1].What.(*event.Body)
		if ok && body.From == event.Client && (!d.proto.Receives && strings.HasPrefix(line, "250") || d.proto.Receives && strings.Contains(line, " OK")) {
			d.cur.Counts.MessagesIn++
		}
	}
	d.cur.Counts.BytesOut += int64(len(line) + 2)
	if e := d.joins(scenario); e != nil {
		if r, ok := e.What.(*event.Reply); ok && d.at-e.At < time.Second {
			r.Text += "\n" + line
			return
		}
	}
	d.add(scenario, &event.Reply{Text: line, Greeting: d.cur.Counts.Commands == 0})
}

// settle gives the replies their verdicts.
func (d *dialogue) settle() {
	tag := ""
	for _, e := range d.cur.Events {
		switch w := e.What.(type) {
		case *event.Command:
			tag = w.Tag
		case *event.Reply:
			w.Verdict = d.proto.Replies.Verdict(tag, w.Lines(), w.Greeting)
		}
	}
}

var size = regexp.MustCompile(` \((\d+) bytes(, cut)?\)$`)

func (d *dialogue) body(from event.Side, text, scenario string) {
	bytes, whole := int64(len(text)+2), true
	if m := size.FindStringSubmatch(text); m != nil {
		text = strings.TrimSuffix(text, m[0])
		bytes, whole = int64(d.number(m[1])), m[2] == ""
	}
	if from == event.Client {
		d.cur.Counts.BytesIn += bytes
	} else {
		d.cur.Counts.BytesOut += bytes
	}
	if e := d.joins(scenario); e != nil {
		if b, ok := e.What.(*event.Body); ok && b.From == from {
			b.Head += "\n" + text
			b.Bytes += bytes
			b.Ended = whole
			return
		}
	}
	if from == event.Server {
		d.cur.Counts.MessagesOut++
	}
	d.add(scenario, &event.Body{From: from, Head: text, Bytes: bytes, Ended: whole})
}

func (d *dialogue) mark(scenario string) {
	if scenario != "" && !slices.Contains(d.cur.Injected, scenario) {
		d.cur.Injected = append(d.cur.Injected, scenario)
	}
}

func (d *dialogue) note(line string) {
	what, text, _ := strings.Cut(line, ":")
	text = strings.TrimSpace(text)
	scenario := ""
	if m := marked.FindStringSubmatch(text); m != nil {
		scenario, text = m[1], text[len(m[0]):]
	}
	switch what {
	case "tls", "tls failed", "tls alert", "tls closed":
		d.handshake(what, text)
	case "injected":
		d.mark(scenario)
	case "offered":
		d.cur.Offered = strings.Split(text, ", ")
	case "login":
		w := append(strings.Fields(text), "", "", "", "", "")
		l := event.Login{User: w[0], Mechanism: w[1], OK: w[2] == "ok", Password: w[3], NotUTF8: w[4] == "latin1", Secure: d.secure, Injected: scenario, At: d.at + time.Millisecond}
		d.cur.Logins = append(d.cur.Logins, l)
		d.add(scenario, &l)
	case "stored":
		id, who, _ := strings.Cut(text, " for ")
		id, from, said := strings.Cut(id, " from ")
		if !said {
			from = d.sender()
		}
		m := event.Stored{MessageID: id, From: from, Recipients: strings.Split(who, ", "), Secure: d.secure, At: d.at + time.Millisecond,
			Bytes: 100, Sum: "sum of " + id}
		d.cur.Messages = append(d.cur.Messages, m)
		d.add(scenario, &m)
	case "form":
		d.form(strings.Split(text, ", "))
	case "lines":
		d.lines(strings.Split(text, ", "))
	default:
		d.add(scenario, d.event(what, append(strings.Fields(text), "", "")))
	}
}

// event makes an event from its name and its words.
func (d *dialogue) event(what string, w []string) event.What {
	switch what {
	case "noticed": // knocked
		return &event.Noticed{Sign: event.Sign(w[0])}
	case "waiting": // hello
		return &event.Waiting{For: event.Awaited(w[0]), Since: d.at}
	case "silenced": // accept
		return &event.Silenced{Moment: event.Moment(w[0])}
	case "cut": // dialogue close
		return &event.Cut{Moment: event.Moment(w[0]), How: w[1]}
	case "delayed": // reply 3s
		return &event.Delayed{Of: event.Delay(w[0]), For: d.duration(w[1])}
	case "behind-starttls": // 26 dropped
		return &event.BehindSTARTTLS{Bytes: d.number(w[0]), Kept: w[1] != "dropped"}
	case "clear-on-tls": // SMTP behind STARTTLS
		return &event.ClearOnTLS{Protocol: w[0], StartTLS: w[1] == "behind"}
	case "setting": // certificate expired
		return &event.Setting{Name: event.SettingName(w[0]), Text: w[1]}
	case "asked":
		return d.asked(w)
	case "token-use":
		return d.tokenUse(w)
	case "bouncing": // bob@example.test after 1s
		return &event.Bouncing{Recipient: w[0], Sender: d.sender(), After: d.duration(w[2])}
	}
	d.t.Fatalf("there is no event %q", what)
	return nil
}

// asked makes a request to the issuer from its endpoint, grant type, client and properties.
func (d *dialogue) asked(w []string) event.What {
	r := &event.TokenRequest{Endpoint: event.Endpoint(w[0]), Grant: w[1], Client: w[2], Provider: "mailrig"}
	for _, word := range w[3:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "pkce":
			r.PKCE = value
		case "secret":
			r.Confidential = true
		case "trouble":
			r.Trouble = event.TokenTrouble(value)
		case "token":
			r.Token = d.number(value)
		case "replaced":
			r.Replaced = d.duration(value)
		case "next-used":
			r.NextUsed = true
		case "":
		default:
			d.t.Fatalf("what is %q of a request?", word)
		}
	}
	return r
}

// tokenUse makes what the issuer knows of a token from its state, number, client and properties.
func (d *dialogue) tokenUse(w []string) event.What {
	u := &event.TokenUse{State: w[0], Number: d.number(w[1]), Client: w[2], Provider: "mailrig"}
	for _, word := range w[3:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "ends":
			u.Ends = d.duration(value)
		case "refreshable":
			u.Refreshable = true
		case "refresh-token":
			u.IsRefresh = true
		case "scope":
			u.Scope = value
		case "needs":
			u.Needs = value
		case "":
		default:
			d.t.Fatalf("what is %q of a token?", word)
		}
	}
	return u
}

// sender returns the reverse-path of the last MAIL command.
func (d *dialogue) sender() string {
	for _, e := range slices.Backward(d.cur.Events) {
		c, ok := e.What.(*event.Command)
		if !ok {
			continue
		}
		if from, ok := strings.CutPrefix(c.Line, "MAIL FROM:<"); ok {
			from, _, _ = strings.Cut(from, ">")
			return from
		}
	}
	return ""
}

func (d *dialogue) handshake(what, text string) {
	if what == "tls alert" {
		alerted := *d.cur.TLS
		alerted.Alert, alerted.AlertFrom = d.number(text), event.Client
		d.cur.TLS = &alerted
		d.add("", &event.Alert{From: event.Client, Number: alerted.Alert, Detail: "remote error"})
		return
	}
	if what == "tls closed" {
		closed := *d.cur.TLS
		closed.CloseNotify = true
		d.cur.TLS = &closed
		d.add("", &event.CloseNotify{})
		return
	}
	tls := &event.TLS{Hello: true, Handshake: event.Handshake{StartTLS: d.cur.Security != "tls", Certificate: "correct", Outcome: event.Established, Detail: "what crypto/tls says"}}
	parts := strings.Split(text, ", ")
	var alpn []string
	if what == "tls failed" {
		tls.Outcome, parts = event.HandshakeOutcome(parts[0]), parts[1:]
	}
	for _, part := range parts {
		word, rest, _ := strings.Cut(part, " ")
		switch word {
		case "TLS":
			tls.Version = map[string]uint16{"1.0": 0x301, "1.1": 0x302, "1.2": 0x303, "1.3": 0x304}[rest]
		case "sni":
			tls.ServerName = rest
		case "certificate":
			tls.Certificate = rest
		case "bad":
			tls.Bad = true
		case "wrong": // name
			tls.WrongName = true
		case "alert":
			tls.Alert, tls.AlertFrom = d.number(rest), event.Client
		case "alpn":
			alpn = append(alpn, rest)
		case "no": // no hello
			tls.Hello = false
		default:
			d.t.Fatalf("what is %q of a handshake?", part)
		}
	}
	d.cur.TLS = tls
	if tls.Hello {
		d.cur.Events = append(d.cur.Events, event.Event{At: d.at, What: &event.Hello{StartTLS: tls.StartTLS, ServerName: tls.ServerName, Protocols: alpn}})
	}
	d.add("", &tls.Handshake)
	d.secure = tls.Established()
}

func (d *dialogue) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d *dialogue) duration(text string) time.Duration {
	v, err := time.ParseDuration(text)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

// report formats findings as the golden files do.
func report(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		where := ""
		if f.Door != 0 {
			where = fmt.Sprintf(", door %d", f.Door)
		}
		fmt.Fprintf(&b, "%s %s%s, sessions %s", f.Severity, f.ID, where, strings.Join(f.Sessions, " "))
		if len(f.Injected) > 0 {
			fmt.Fprintf(&b, ", injected %s", strings.Join(f.Injected, " "))
		}
		b.WriteString("\n    " + f.Title + "\n")
		if f.Explanation != "" {
			b.WriteString("    " + f.Explanation + "\n")
		}
		if f.Advice != "" {
			b.WriteString("    > " + f.Advice + "\n")
		}
	}
	if b.Len() == 0 {
		return "none\n"
	}
	return b.String()
}
