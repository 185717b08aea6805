package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/suggest"
)

// checkCommands rejects names that aren't commands, and commands of another protocol than those that the rule can meet.
// Extensions that no protocol here has, and private commands, may be the client's own, so they are allowed.
func (d *decoder) checkCommands(e entry, m *fault.Match) {
	met := d.grammar.spoken(m)
	for _, command := range m.Command {
		var whose []string
		for _, p := range d.grammar.Protocols {
			if has(p, command) {
				whose = append(whose, p.Name)
			}
		}
		slices.Sort(whose)
		switch {
		case len(whose) == 0 && !protocol.Elsewhere(command):
			d.wrong(e.key, "%q isn't a command, so that the rule could never match; %s", command, d.grammar.instead(command, met))
		case len(whose) > 0 && !slices.ContainsFunc(whose, func(p string) bool { return slices.Contains(met, p) }):
			d.wrong(e.key, "%s is a command of %s, and the rule only meets %s; it could never match", command, join(whose, "and"), join(met, "and"))
		}
	}
}

// has reports whether a protocol has a command. STARTTLS is POP3's STLS too.
func has(p *protocol.Protocol, command string) bool {
	return slices.ContainsFunc(p.Words, func(w protocol.Word) bool { return fault.SameCommand(w.Verb, command) })
}

// having returns those of the protocols that have one of the commands. If a command is of none, they may all meet it.
func (g *Grammar) having(commands, among []string) (met []string) {
	for _, command := range commands {
		known := false
		for _, name := range among {
			if has(protocol.Find(g.Protocols, name), command) {
				known = true
				if !slices.Contains(met, name) {
					met = append(met, name)
				}
			}
		}
		if !known {
			return among
		}
	}
	if met == nil {
		return among
	}
	slices.Sort(met)
	return met
}

// instead says what to write for a text that isn't the name of a command, in a rule that meets these protocols.
func (g *Grammar) instead(text string, met []string) string {
	var known []string
	for _, near := range []bool{true, false} { // the protocols that the rule meets first
		for _, p := range g.Protocols {
			if slices.Contains(met, p.Name) != near {
				continue
			}
			if word, rest, ok := p.Words.Leading(text); ok {
				return conditions(p, word.Verb, rest)
			}
			for _, w := range p.Words {
				known = append(known, w.Verb)
			}
		}
	}
	if near := suggest.Nearest(text, known); near != "" {
		return "did you mean " + near + "?"
	}
	const few = 20 // names in a message
	if len(met) == 1 && len(protocol.Find(g.Protocols, met[0]).Words) <= few {
		var verbs []string
		for _, w := range protocol.Find(g.Protocols, met[0]).Words {
			verbs = append(verbs, w.Verb)
		}
		return fmt.Sprintf("the commands of %s are %s; a private one begins with X", met[0], join(verbs, "and"))
	}
	return "write the name of a command, like RCPT, SELECT or UID FETCH; a private one begins with X"
}

// conditions says how a rule matches a command with its arguments.
func conditions(p *protocol.Protocol, verb, args string) string {
	list := []string{"command: " + verb}
	var n protocol.Named
	if p.Named != nil {
		n = p.Named(protocol.Line{Verb: verb, Args: args})
	}
	for _, c := range []struct{ key, value string }{
		{"mailbox", n.Mailbox}, {"mechanism", n.Mechanism}, {"sender", n.Sender}, {"recipient", n.Recipient},
	} {
		if c.value != "" {
			list = append(list, fmt.Sprintf("%s: %s", c.key, inYAML(c.value)))
		}
	}
	if word, _ := p.Words.Find(verb); n == (protocol.Named{Rest: true}) && !word.Login {
		list = append(list, "arguments: "+inYAML("*"+args+"*"))
	}
	return fmt.Sprintf("write the command alone, like match: {%s}", strings.Join(list, ", "))
}

// inYAML quotes a text that YAML might take for something else than a text.
func inYAML(text string) string {
	if goodName.MatchString(strings.ToLower(text)) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
