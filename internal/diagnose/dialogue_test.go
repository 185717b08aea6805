package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// A dialogue is sessions as "mailrig sessions 12" prints them, without the times:
//
//	session 143                     the door. Behind it, in any order:
//	                                  from ADDR  at 5s  to ADDR  times 16 every 10ms  control
//	S: * OK ready                   what the server says; lines that follow one another are one reply
//	S: [scenario] a1 NO no          ... made up by a scenario
//	C: a1 LOGIN alice ***           a command
//	C* ***                          a line of a login exchange
//	C> Subject: hello (9000 bytes)  a message or a literal; S> likewise
//	+30s                            time passes
//	-- tls: TLS 1.3, sni localhost, certificate expired
//	-- tls failed: alert 48, sni localhost
//	-- tls alert: 42                after a handshake that was done
//	-- login: alice PLAIN refused tag7 [scenario]
//	-- stored: <id@example.test> from alice@example.test for bob@example.test
//	-- delayed: [scenario] text     an event; "note" is one without a name
//	end client                      who ended it; without this line it is still open
//
// Lines by themselves say more of the case: over, succeeded, failed, killed, blocked 25,
// now +1m (behind the last thing that happened).
type dialogue struct {
	t        testing.TB
	sessions []*transcript.Session
	control  []*transcript.Session
	known    bool // there is a control run, perhaps an empty one
	c        Case
	now      time.Duration

	cur    *transcript.Session
	start  time.Duration // of cur
	at     time.Duration // since cur's start
	secure bool
	times  int
	every  time.Duration
	inCtrl bool
	last   time.Duration // the latest end
	ports  int
	ids    int
}

var began = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

var doorFacts = map[int][3]string{
	25: {"smtp", "smtp", "starttls"}, 2525: {"smtp-alt", "smtp", "starttls"}, 587: {"submission", "smtp", "starttls-required"},
	465: {"submissions", "smtp", "tls"}, 110: {"pop3", "pop3", "starttls"}, 995: {"pop3s", "pop3", "tls"},
	143: {"imap", "imap", "starttls"}, 993: {"imaps", "imap", "tls"},
}

// readCase makes a case of a dialogue.
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
		d.unit(transcript.FromClient, transcript.Command, rest, scenario)
	case "C*":
		d.unit(transcript.FromClient, transcript.Auth, rest, scenario)
	case "C>":
		d.unit(transcript.FromClient, transcript.Data, rest, scenario)
	case "S:":
		d.unit(transcript.FromServer, transcript.Reply, rest, scenario)
	case "S>":
		d.unit(transcript.FromServer, transcript.Data, rest, scenario)
	case "--":
		d.note(rest)
	case "end":
		d.at += time.Millisecond
		d.cur.EndedBy = transcript.EndedBy(rest)
		d.cur.End = d.cur.Start.Add(d.at)
	default:
		if after, ok := strings.CutPrefix(word, "+"); ok {
			d.at += d.duration(after)
			return
		}
		d.t.Fatalf("what is %q?", line)
	}
}

func (d *dialogue) open(words []string) {
	door := d.number(words[0])
	facts, ok := doorFacts[door]
	if !ok {
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
	d.cur = &transcript.Session{Door: door, Service: facts[0], Protocol: facts[1], Security: facts[2], Client: client,
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

var size = regexp.MustCompile(` \((\d+) bytes\)$`)

func (d *dialogue) unit(from transcript.Direction, kind transcript.Kind, text, scenario string) {
	d.mark(scenario)
	bytes := int64(len(text) + 2)
	if m := size.FindStringSubmatch(text); m != nil && kind == transcript.Data {
		text = strings.TrimSuffix(text, m[0])
		bytes = int64(d.number(m[1]))
	}
	units := d.cur.Units
	if n := len(units); n > 0 {
		u := &units[n-1]
		if u.From == from && u.Kind == kind && u.Injected == scenario && u.Secure == d.secure &&
			(kind == transcript.Data || kind == transcript.Reply) { // as the recorder joins them
			u.Text += "\n" + text
			u.Bytes += bytes
			return
		}
	}
	count := &d.cur.Counts
	if n := len(units); n > 0 && units[n-1].Kind == transcript.Data {
		switch {
		case units[n-1].From == transcript.FromServer:
		case d.cur.Protocol == "smtp" && strings.HasPrefix(text, "250"), d.cur.Protocol == "imap" && strings.Contains(text, " OK"):
			count.MessagesIn++
		}
	}
	switch {
	case from == transcript.FromServer && kind == transcript.Data:
		count.MessagesOut++
	case kind == transcript.Command:
		count.Commands++
	}
	if from == transcript.FromClient {
		count.BytesIn += bytes
	} else {
		count.BytesOut += bytes
	}
	d.at += time.Millisecond
	d.cur.Units = append(units, transcript.Unit{At: d.at, From: from, Kind: kind, Text: text, Bytes: bytes, Secure: d.secure, Injected: scenario})
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
	d.mark(scenario)
	d.at += time.Millisecond
	switch what {
	case "tls", "tls failed", "tls alert":
		d.handshake(what, text)
		return
	case "injected":
		return
	case "login":
		w := append(strings.Fields(text), "", "", "", "")
		l := transcript.Login{User: w[0], Mechanism: w[1], OK: w[2] == "ok", Password: w[3], Secure: d.secure, Injected: scenario, At: d.at}
		d.cur.Logins = append(d.cur.Logins, l)
		return
	case "stored":
		id, who, _ := strings.Cut(text, " for ")
		id, from, said := strings.Cut(id, " from ")
		if !said {
			from = d.sender()
		}
		d.cur.Messages = append(d.cur.Messages, transcript.Stored{MessageID: id, From: from, Recipients: strings.Split(who, ", "), Secure: d.secure, At: d.at,
			Bytes: 100, Sum: "sum of " + id})
		return
	}
	u := transcript.Unit{At: d.at, From: transcript.FromRig, Kind: transcript.Note, Text: text, Bytes: int64(len(text)), Secure: d.secure, Injected: scenario}
	if what != "note" {
		u.Event = transcript.Event(what)
	}
	d.cur.Units = append(d.cur.Units, u)
}

// sender is the reverse-path of the last MAIL command.
func (d *dialogue) sender() string {
	for i := len(d.cur.Units) - 1; i >= 0; i-- {
		if from, ok := strings.CutPrefix(d.cur.Units[i].Text, "MAIL FROM:<"); ok {
			from, _, _ = strings.Cut(from, ">")
			return from
		}
	}
	return ""
}

func (d *dialogue) handshake(what, text string) {
	if what == "tls alert" {
		d.cur.TLS.Alert = d.number(text)
		d.cur.TLS.AlertName = transcript.AlertName(d.cur.TLS.Alert)
		d.cur.TLS.Error = "remote error"
		return
	}
	tls := &transcript.TLS{Hello: true, StartTLS: d.cur.Security != "tls", Certificate: "correct", Established: what == "tls"}
	for _, part := range strings.Split(text, ", ") {
		word, rest, _ := strings.Cut(part, " ")
		switch word {
		case "TLS":
			tls.Version = part
		case "sni":
			tls.ServerName = rest
		case "certificate":
			tls.Certificate = rest
		case "alert":
			tls.Alert = d.number(rest)
			tls.AlertName, tls.Error = transcript.AlertName(tls.Alert), "remote error"
		case "left":
			tls.Error = leftInHandshake
		case "no": // no hello
			tls.Hello = false
		case "error":
			tls.Error = rest
		default:
			d.t.Fatalf("what is %q of a handshake?", part)
		}
	}
	d.cur.TLS, d.secure = tls, tls.Established
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

// report shows findings as the golden files have them.
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
