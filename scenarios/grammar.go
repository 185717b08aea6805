package scenarios

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// Grammar says what scenarios may consist of. It is a value: a rig with another protocol or another kind of fault has a
// Grammar of its own, and everything here (reading, explaining, the schema) follows it.
type Grammar struct {
	Kinds     []fault.Kind
	Protocols fault.Protocols // in the order in which messages list them
}

// Standard is mailrig's own grammar.
func Standard() *Grammar {
	return &Grammar{
		Kinds:     fault.Kinds(),
		Protocols: protocol.Ranked(all.Protocols()),
	}
}

// kind returns the kind with this name.
func (g *Grammar) kind(name string) (fault.Kind, bool) {
	i := slices.IndexFunc(g.Kinds, func(k fault.Kind) bool { return k.Name == name })
	if i < 0 {
		return fault.Kind{}, false
	}
	return g.Kinds[i], true
}

func (g *Grammar) faultKeys() (names []string) {
	for _, k := range g.Kinds {
		names = append(names, k.Name)
	}
	return names
}

// doors maps the standard ports to the protocols that they speak.
func (g *Grammar) doors() map[int]string {
	doors := map[int]string{}
	for _, p := range g.Protocols {
		for _, d := range p.Doors {
			doors[d.Port] = p.Name
		}
	}
	return doors
}

// spoken returns the protocols that a rule can meet, sorted.
func (g *Grammar) spoken(m *fault.Match) (list []string) {
	for port, protocol := range g.doors() {
		if (len(m.Door) == 0 || slices.Contains(m.Door, port)) &&
			(len(m.Protocol) == 0 || slices.Contains(m.Protocol, protocol)) && !slices.Contains(list, protocol) {
			list = append(list, protocol)
		}
	}
	slices.Sort(list)
	return list
}

// doc inserts the protocols' names where a field's doc tag leaves room for them.
func (g *Grammar) doc(tag string) string {
	return strings.ReplaceAll(tag, "{protocols}", join(g.Protocols.Names(), "or"))
}

// enum returns the words that a field may be. nil means anything.
func (g *Grammar) enum(tag string) []string {
	switch tag {
	case "":
		return nil
	case "{protocols}":
		return g.Protocols.Names()
	}
	return strings.Split(tag, ",")
}
