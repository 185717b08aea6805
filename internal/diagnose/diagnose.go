// Package diagnose reads what clients did and says what it means, in the words of a
// settings screen.
//
// Three steps, each a file or a few:
//
//   - facts.go takes the record of a connection apart: commands with their replies,
//     what was offered, what was injected. It draws no conclusions.
//   - A Case is the facts of one client's sessions, together with what else is known of
//     it: what it did at a correct server (a trial's control run), how its command ended.
//   - The table (table*.go) turns a case into findings. A row has an id, a severity, a
//     title, an explanation, advice, and a predicate: a named function that returns the
//     evidence. A row may also be what a scenario expects of a client; then it has Do.
//
// Who calls it: the server, as sessions end, for the console, the API and mailtest; a
// trial, for its verdicts. To add a finding, add a row with its predicate and a
// dialogue in testdata/; a test fails for a row that no dialogue shows.
//
// A finding that is wrong is worse than none: predicates ask for proof, and say
// "probably" (Evidence.Guess) where there is only a sign.
package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/internal/event"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // a password or a message is in danger, or nothing works
	Warning Severity = "warning" // will hurt somebody, some day
	Info    Severity = "info"    // worth knowing
	Good    Severity = "good"    // as it should be
)

// Finding is mailrig's reading of one or several sessions of a client.
type Finding struct {
	ID          string    `json:"id"` // public API
	Severity    Severity  `json:"severity"`
	Title       string    `json:"title"`
	Explanation string    `json:"explanation"`
	Advice      string    `json:"advice,omitempty"` // one piece, in the words of a settings screen
	Guess       bool      `json:"guess,omitempty"`  // the title then begins with "Probably"
	Client      string    `json:"client"`           // its address, without the port
	Door        int       `json:"door,omitempty"`   // where it showed; 0: on several doors, or none
	Sessions    []string  `json:"sessions"`         // ids, oldest first
	Injected    []string  `json:"injected"`         // scenarios that acted in these sessions
	At          time.Time `json:"at"`               // when it was certain
}

// Line is the finding on one line, with its advice.
func (f *Finding) Line() string {
	text := string(f.Severity) + ": " + f.Title
	if f.Advice != "" {
		text += " " + f.Advice
	}
	return text
}

// Case is what is known of one client.
type Case struct {
	Sessions []*Facts // oldest first
	// Control is what the same client did, asked for the same, at a correct server; nil
	// when nobody knows.
	Control []*Facts
	// Over says that the client will do nothing more: what it hasn't done by now it
	// doesn't do.
	Over bool
	// Succeeded tells what the client's command reported; nil when there is none, or it
	// hasn't ended.
	Succeeded *bool
	// Killed says that the client had to be stopped.
	Killed bool
	// Blocked are the doors that refuse or drop connections, by standard port. Nobody
	// sees the clients that try.
	Blocked map[int]bool
	Now     time.Time
	Table   *Table // nil: the product's
}

// NewCase makes a case of the records of one client's sessions, for the product's table.
func NewCase(records []*event.Record, now time.Time) *Case { return Product().NewCase(records, now) }

// NewCase makes a case of the records of one client's sessions.
func (t *Table) NewCase(records []*event.Record, now time.Time) *Case {
	return &Case{Sessions: t.factsOf(records), Now: now, Table: t}
}

// WithControl adds what the client did at a correct server.
func (c *Case) WithControl(records []*event.Record) *Case {
	c.Control = c.by().factsOf(records)
	if c.Control == nil {
		c.Control = []*Facts{}
	}
	return c
}

// by is the table by which the case is read.
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

// Findings returns what the case shows, the worst first. What is as it should be is
// among it only if all is asked for.
func (c *Case) Findings(all bool) []Finding { return c.FindingsOf(c.by().Rows, all) }

// FindingsOf is Findings with other rows.
func (c *Case) FindingsOf(rows []Row, all bool) []Finding {
	var found []Finding
	for i := range rows {
		r := &rows[i]
		if r.Severity == Good && (!all || r.Can != nil && !r.Can(c)) {
			continue // nothing to praise where there was no occasion
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

// Of returns what one session shows by itself.
func Of(r *event.Record, now time.Time) []Finding { return Product().Of(r, now) }

// Of returns what one session shows by itself.
func (t *Table) Of(r *event.Record, now time.Time) []Finding {
	return t.NewCase([]*event.Record{r}, now).Findings(false)
}

func rank(s Severity) int { return slices.Index([]Severity{Error, Warning, Info, Good}, s) }

// Evidence is what a predicate has found.
type Evidence struct {
	Sessions []*Facts
	Guess    bool
	// Words fill the places in braces of the row's texts, besides {door} and others that
	// follow from the session.
	Words map[string]string
}

// Row is a line of the table.
type Row struct {
	ID       string
	Severity Severity
	Title    string
	// Explanation and Advice may have places in braces, see words.
	Explanation string
	Advice      string
	// Do completes "A good client must" or "A good client must not" where scenarios may
	// expect this of a client; else "".
	Do   string
	When func(*Case) []Evidence
	// Can reports whether the client has had the occasion, so that its absence means something.
	// nil: it always has.
	Can func(*Case) bool
	// Early reports whether the finding may be told now, though a session of the client's
	// is still open. nil: not before the sessions that it is about have ended. See early.go.
	Early func(*Case) bool
}

func (r *Row) finding(c *Case, e Evidence) Finding {
	f := Finding{ID: r.ID, Severity: r.Severity, Guess: e.Guess, At: c.Now, Sessions: []string{}, Injected: []string{}}
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

// small is a sentence that another one has begun.
func small(text string) string {
	if len(text) > 1 && unicode.IsLower(rune(text[1])) {
		return strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// capital is a sentence that begins with what was in the middle of one.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// words are the places in braces: {door} and {service} of the session, {tls-door} and
// {clear-door}, its protocol's doors with the other kind of encryption, {protocol},
// and the evidence's own.
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
