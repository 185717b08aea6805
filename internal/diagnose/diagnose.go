// Package diagnose reads the records of what clients did and says what it means, in the words of a settings screen.
//
// It works in three steps:
//
//   - facts.go turns the record of a connection into Facts: commands with their replies, what the server advertised, what a
//     scenario injected. It draws no conclusions.
//   - A Case holds the facts of one client's sessions, and what else is known about the client: what it did at a correct
//     server (a trial's control run), how its command ended.
//   - The table (table.go) turns a case into findings. A row has an id, a severity, a title, an explanation, advice, and a
//     predicate: a function that returns the evidence. A row with Do may also be what a scenario expects of a client.
//
// Package watch calls it when sessions end, for the console, the API and mailtest. Package trial calls it for its
// verdicts. To add a finding, add a row with its predicate, and a dialogue in testdata/. A test fails for a row that no
// dialogue shows.
//
// A wrong finding is worse than none. A predicate therefore asks for proof. If it has only a sign, it sets
// Evidence.Guess, and the title begins with "Probably".
package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/internal/event"
)

// Severity says how serious a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // a password or a message is in danger, or nothing works
	Warning Severity = "warning" // will do harm some day
	Info    Severity = "info"    // worth knowing
	Good    Severity = "good"    // as it should be
)

// Finding says what one or several sessions of a client mean.
type Finding struct {
	ID          string    `json:"id"` // public API: never renamed
	Severity    Severity  `json:"severity"`
	Title       string    `json:"title"`
	Explanation string    `json:"explanation"`
	Advice      string    `json:"advice,omitempty"` // one thing to do, in the words of a settings screen
	Guess       bool      `json:"guess,omitempty"`  // the title begins with "Probably"
	Client      string    `json:"client"`           // the client's address without its port
	Door        int       `json:"door,omitempty"`   // standard port of the door where it happened; 0: several doors, or none
	Sessions    []string  `json:"sessions"`         // ids, oldest first
	Injected    []string  `json:"injected"`         // the scenarios that acted in these sessions
	At          time.Time `json:"at"`               // when it became certain
	// Command is when the client sent the command that shows it, since the connection was accepted, in nanoseconds. It
	// is nil if no single command does. Sessions has one session then.
	Command *time.Duration `json:"command_at,omitempty"`
}

// Line returns the finding and its advice on one line.
func (f *Finding) Line() string {
	text := string(f.Severity) + ": " + f.Title
	if f.Advice != "" {
		text += " " + f.Advice
	}
	return text
}

// Case is everything known about one client.
type Case struct {
	Sessions []*Facts // oldest first
	// Issuer holds the requests to the issuer of OAuth tokens, oldest first. They aren't among the sessions.
	Issuer []*Facts
	// Control holds what the same client did for the same task at a correct server. nil means that there was no such
	// run.
	Control []*Facts
	// Over says that the client has finished: what it hasn't done by now, it won't do.
	Over bool
	// Succeeded says what the client's command reported. nil means that there is no command, or that it hasn't ended.
	Succeeded *bool
	// Killed says that mailrig had to kill the client.
	Killed bool
	// Blocked holds the standard ports of doors that refuse or drop connections. mailrig doesn't see the clients that
	// try them.
	Blocked map[int]bool
	Now     time.Time
	Table   *Table // nil: mailrig's own
}

// NewCase makes a case from the records of one client's sessions, for mailrig's own table.
func NewCase(records []*event.Record, now time.Time) *Case { return Product().NewCase(records, now) }

// NewCase makes a case from the records of one client's sessions.
func (t *Table) NewCase(records []*event.Record, now time.Time) *Case {
	return t.CaseOf(t.factsOf(records), now)
}

// CaseOf makes a case from facts, oldest first.
func (t *Table) CaseOf(facts []*Facts, now time.Time) *Case {
	c := &Case{Now: now, Table: t}
	c.Sessions, c.Issuer = apart(facts)
	return c
}

// WithControl adds what the client did at a correct server.
func (c *Case) WithControl(records []*event.Record) *Case {
	c.Control, _ = apart(c.by().factsOf(records))
	if c.Control == nil {
		c.Control = []*Facts{}
	}
	return c
}

// by returns the table that the case is read with.
func (c *Case) by() *Table {
	if c.Table == nil {
		return Product()
	}
	return c.Table
}

func (t *Table) factsOf(records []*event.Record) []*Facts {
	var all []*Facts
	for _, r := range records {
		all = append(all, t.Extract(r))
	}
	slices.SortStableFunc(all, func(a, b *Facts) int { return a.Start.Compare(b.Start) })
	return all
}

// Findings returns what the case shows, the worst first. all adds the findings of severity Good.
func (c *Case) Findings(all bool) []Finding { return c.FindingsOf(c.by().Rows, all) }

// FindingsOf is Findings with other rows.
func (c *Case) FindingsOf(rows []Row, all bool) []Finding {
	var found []Finding
	for i := range rows {
		r := &rows[i]
		if r.Severity == Good && (!all || r.Can != nil && !r.Can(c)) {
			continue // don't praise a client that never had the occasion
		}
		for _, e := range r.When(c) {
			found = append(found, r.finding(c, e))
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), a.At.Compare(b.At))
	})
	return found
}

// Of returns what one session alone shows.
func (t *Table) Of(r *event.Record, now time.Time) []Finding {
	return t.NewCase([]*event.Record{r}, now).Findings(false)
}

func rank(s Severity) int { return slices.Index([]Severity{Error, Warning, Info, Good}, s) }

// Evidence is what a predicate found.
type Evidence struct {
	Sessions []*Facts
	Step     *Step // the command that shows it; nil: there is none, or several sessions show it together
	Guess    bool
	// Severity replaces the row's. "" keeps it.
	Severity Severity
	// Words fill the placeholders in the row's texts that don't follow from the session; see words.
	Words map[string]string
}

// Row is a row of the table.
type Row struct {
	ID       string
	Severity Severity
	Title    string
	// Explanation and Advice may contain placeholders; see words.
	Explanation string
	Advice      string
	// Do completes the sentence "A good client must" or "A good client must not". It is "" if no scenario may expect
	// this of a client.
	Do   string
	When func(*Case) []Evidence
	// Can reports whether the client had the occasion. If it hadn't, the absence of the finding means nothing. nil: it
	// always had.
	Can func(*Case) bool
	// Early reports whether the finding may be told while one of the client's sessions is open. nil: only after the
	// sessions that it is about have ended. See whileopen.go.
	Early func(*Case) bool
}

func (r *Row) finding(c *Case, e Evidence) Finding {
	f := Finding{ID: r.ID, Severity: cmp.Or(e.Severity, r.Severity), Guess: e.Guess, At: c.Now, Sessions: []string{}, Injected: []string{}}
	doors := map[int]bool{}
	for _, s := range e.Sessions {
		f.Client = s.Host
		doors[s.Door] = true
		f.Sessions = append(f.Sessions, s.ID)
		for _, name := range s.Injected {
			if !slices.Contains(f.Injected, name) {
				f.Injected = append(f.Injected, name)
			}
		}
		f.At = s.Last()
	}
	if e.Step != nil && len(e.Sessions) == 1 {
		f.Command = &e.Step.At
	}
	if len(doors) == 1 {
		f.Door = e.Sessions[0].Door
	}
	w := words(e)
	f.Title, f.Explanation, f.Advice = w.Replace(r.Title), w.Replace(r.Explanation), w.Replace(r.Advice)
	if e.Guess {
		f.Title = "Probably: " + small(f.Title)
	}
	return f
}

// small turns the beginning of a sentence into the middle of one.
func small(text string) string {
	if len(text) > 1 && unicode.IsLower(rune(text[1])) {
		return strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// capital turns the middle of a sentence into the beginning of one.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// words replaces the placeholders in a row's texts. {door}, {service} and {protocol} are the session's. {tls-door} and
// {clear-door} are the protocol's doors with TLS from the first byte and with STARTTLS. All others are the evidence's.
func words(e Evidence) *strings.Replacer {
	var pairs []string
	for k, v := range e.Words {
		pairs = append(pairs, "{"+k+"}", v)
	}
	if len(e.Sessions) > 0 {
		s := e.Sessions[len(e.Sessions)-1]
		pairs = append(pairs,
			"{door}", itoa(s.Door), "{service}", s.Service, "{protocol}", s.speaks.Title,
			"{tls-door}", itoa(cmp.Or(s.speaks.Door(true), s.Door)), "{clear-door}", itoa(cmp.Or(s.speaks.Door(false), s.Door)),
			"{starttls}", s.speaks.StartTLS)
	}
	return strings.NewReplacer(pairs...)
}
