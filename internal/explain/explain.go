// Package explain reads what a mail client said (a message on the screen, an error code, a log, a whole dialogue) and
// returns what is probably behind it: causes, the likeliest first, each with what to change and the scenario that
// reproduces it.
//
// Everything that it knows is data in table/: causes.yaml lists the causes; the file of each family of programs lists
// the signs by which its messages are known, with the source and how sure it is; codes.yaml says what replies mean at
// which command; symptoms.yaml has what users say. A sign is a regular expression for a piece of the text. To teach it a
// message, add a sign to the file of its family; testdata/ has examples, and TestRecorded measures the whole table.
//
// Explain works in four steps. clean.go makes one line of plain text of whatever was pasted. dialogue.go recognizes the
// lines of a mail dialogue, in a dozen programs' logs, and keeps of them what the server refused and at which
// command (typed by internal/protocol and internal/refusal); the rest of the dialogue is no evidence. match.go finds
// the signs in one pass over the text, so that a log of megabytes costs little. Then every sign gives weight to its causes:
// a server's words more than its code, a program's own words more than words of many programs.
package explain

import (
	"cmp"
	"slices"
	"strings"
)

// MaxInput is how many bytes of text Explain looks at. The rest of a longer text is ignored.
const MaxInput = 4 << 20

// Sure says how sure a sign or an answer is.
type Sure string

// How sure a sign is, the surest first.
const (
	Certain  Sure = "certain"
	Probable Sure = "probable"
	OneOf    Sure = "one-of" // one of several causes, listed with the likeliest first
)

// Cause is something that can be wrong.
type Cause struct {
	ID        string   `json:"cause" yaml:"cause"`
	Title     string   `json:"title" yaml:"title"`
	Change    string   `json:"change" yaml:"change"`
	Scenarios []string `json:"scenarios" yaml:"scenarios"` // of the catalogue, the best one first
	Reproduce string   `json:"reproduce,omitempty" yaml:"reproduce"`
}

// Likely is a cause in an answer.
type Likely struct {
	Cause
	Sure    Sure     `json:"sure"`
	Because []Reason `json:"because"`
	score   float64
}

// Reason is a piece of the text that speaks for a cause.
type Reason struct {
	Words  string `json:"words"` // as they are in the text
	Family string `json:"family"`
	// Counted says in how many of the counted cases these words had this cause. Empty: nobody has counted.
	Counted string `json:"counted,omitempty"`
}

// Answer is what is probably behind a text. Without a cause, it is unknown.
type Answer struct {
	Causes []Likely `json:"causes"`
	// Dialogue says that the text is a dialogue between client and server. Refused is then the reply that refused.
	Dialogue bool   `json:"dialogue"`
	Refused  string `json:"refused,omitempty"`
}

// most is how many causes an answer has.
const most = 12

// The evidence for causes: a sign that was found, or a reply that was understood.
type evidence struct {
	means   []string
	group   bool // means is a group of causes of one kind
	sure    Sure
	level   level
	words   string
	family  string
	counted string
}

// level says whose words they are. A server that says why it refuses knows best.
type level int

const (
	serverWords level = iota
	serverCode
	ownWords // of one family of programs
	anyWords // of programs of any kind
	userWords
	levels
)

// weights of a piece of evidence, by level and sureness.
var weights = [levels]map[Sure]float64{
	serverWords: {Certain: 100, Probable: 60, OneOf: 30},
	serverCode:  {Certain: 50, Probable: 25, OneOf: 12},
	ownWords:    {Certain: 50, Probable: 20, OneOf: 8},
	anyWords:    {Certain: 16, Probable: 6, OneOf: 3},
	userWords:   {Certain: 2, Probable: 1, OneOf: 0.5},
}

// Explain returns what is probably behind a text.
func (t *Table) Explain(text string) *Answer {
	if len(text) > MaxInput {
		text = text[:MaxInput]
	}
	text = plain(text)
	talk := readDialogue(text)
	a := &Answer{Causes: []Likely{}, Dialogue: talk.is}
	var all []evidence
	for _, r := range talk.refused {
		all = append(all, t.refusal(r)...)
	}
	if talk.is {
		a.Refused = talk.lastRefused()
	}
	scan := oneLine(talk.rest)
	all = append(all, t.signsIn(scan)...)
	if !talk.is {
		for _, r := range embedded(scan.lower) {
			all = append(all, t.refusal(r)...)
		}
	}
	all = append(all, talk.inference()...)
	all = append(all, portHint(scan.lower, all)...)
	a.Causes = t.weigh(specific(all))
	return a
}

// specific leaves out signs that name a whole group of causes where another sign tells which of them it is, and users'
// words where a program's are there.
func specific(all []evidence) (left []evidence) {
	programs := slices.ContainsFunc(all, func(e evidence) bool { return e.level != userWords })
	for _, e := range all {
		known := e.group && slices.ContainsFunc(all, func(o evidence) bool {
			return !o.group && o.level != userWords && slices.Contains(e.means, o.means[0]) &&
				(o.sure != OneOf || !slices.ContainsFunc(o.means, func(id string) bool { return !slices.Contains(e.means, id) }))
		})
		if !known && (!programs || e.level != userWords) {
			left = append(left, decided(e, all))
		}
	}
	return left
}

// decided returns a sign of several possible causes as a sign of the one that the server's own words name, if they name one.
func decided(e evidence, all []evidence) evidence {
	if e.sure == Certain || len(e.means) < 2 {
		return e
	}
	i := slices.IndexFunc(all, func(o evidence) bool {
		return o.level == serverWords && o.sure == Certain && len(o.means) == 1 && slices.Contains(e.means, o.means[0])
	})
	if i >= 0 {
		e.means = all[i].means
	}
	return e
}

// weigh adds up the evidence.
func (t *Table) weigh(all []evidence) []Likely {
	found := map[string]*Likely{}
	for i, e := range all {
		if slices.ContainsFunc(all[:i], func(o evidence) bool {
			return o.family == e.family && slices.Equal(o.means, e.means)
		}) {
			continue // said twice
		}
		weight := weights[e.level][e.sure]
		for place, id := range e.means {
			l := found[id]
			if l == nil {
				l = &Likely{Cause: t.causes[id], Sure: OneOf, Because: []Reason{}}
				if l.Scenarios == nil {
					l.Scenarios = []string{}
				}
				found[id] = l
			}
			l.score += weight * later(e.sure, place)
			if place == 0 && rank(e.sure) < rank(l.Sure) {
				l.Sure = e.sure
			}
			counted := e.counted
			if place > 0 {
				counted = ""
			}
			if r := (Reason{e.words, e.family, counted}); !slices.Contains(l.Because, r) && len(l.Because) < 3 {
				l.Because = append(l.Because, r)
			}
		}
	}
	list := make([]Likely, 0, len(found))
	for _, l := range found {
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b Likely) int {
		return cmp.Or(-cmp.Compare(a.score, b.score), strings.Compare(a.ID, b.ID))
	})
	share := 40.0
	if len(list) > 0 && list[0].Sure != OneOf {
		share = 8
	}
	for i := range list {
		if i == most || list[i].score < list[0].score/share {
			return list[:i]
		}
	}
	return list
}

// later is how much less a cause counts that stands behind others in a sign's list.
func later(s Sure, place int) float64 {
	step := 0.85
	switch s {
	case Certain:
		step = 0.4
	case Probable:
		step = 0.7
	}
	f := 1.0
	for range place {
		f *= step
	}
	return f
}

func rank(s Sure) int { return slices.Index([]Sure{Certain, Probable, OneOf}, s) }
