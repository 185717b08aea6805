package recorded

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// This file writes what a login shows.

// accounts writes what was seen after a login, by protocol: an account is the same at all doors.
func (w *writer) accounts() {
	for _, p := range all.Protocols() {
		im, ok := p.Replies.(protocol.Imitator)
		if !ok {
			continue
		}
		var edits []rule
		var folders []protocol.Folder
		listed := false
		for _, d := range w.server.Doors {
			for i := range d.Exchanges {
				x := &d.Exchanges[i]
				if d.Protocol != p.Name || len(x.Lines) == 0 {
					continue
				}
				if word, _ := p.Words.Find(x.Verb); word.Login {
					for _, way := range p.Words { // a server answers every way to log in alike
						if way.Login {
							edits = w.reword(edits, p, im, match{Protocol: p.Name, Command: way.Verb}, x)
						}
					}
				}
				if !x.LoggedIn {
					continue
				}
				if lists(p, im, x) && !listed {
					listed = true
					names, _ := im.Listed(x.Verb, x.Lines)
					w.list(p, im, nil, match{Protocol: p.Name, User: somebody()}, names)
				}
				if found := im.Folders(x.Lines); folders == nil {
					folders = found
				}
				edits = w.reword(edits, p, im, match{Protocol: p.Name, Command: x.Verb, User: somebody()}, x)
			}
		}
		if !listed {
			w.toldAtLogin(p, im)
		}
		w.rules = append(w.rules, edits...)
		if folders != nil {
			w.folders(p, folders)
		}
	}
}

// somebody matches whoever is logged in.
func somebody() *string { user := "?*"; return &user }

// folders writes the names with / between their parts and without a prefix, as the fault folders wants them.
func (w *writer) folders(p *protocol.Protocol, list []protocol.Folder) {
	delimiter, prefix := list[0].Delimiter, ""
	if delimiter != "" && !slices.ContainsFunc(list, func(f protocol.Folder) bool {
		return !strings.EqualFold(f.Name, "INBOX") && !strings.HasPrefix(f.Name, "INBOX"+delimiter)
	}) && len(list) > 1 {
		prefix = "INBOX" + delimiter
	}
	if delimiter != "/" && (delimiter == "" || slices.Contains(fault.Delimiters, delimiter)) {
		w.rules = append(w.rules, rule{Match: match{Protocol: p.Name}, Hierarchy: &hierarchy{cmp.Or(delimiter, "NIL"), prefix}})
	}
	var names []string
	for _, f := range list {
		name := strings.TrimPrefix(f.Name, prefix)
		if delimiter != "" && delimiter != "/" {
			name = strings.ReplaceAll(name, delimiter, "/")
		}
		if name = w.clean(name); strings.ContainsAny(name, "*%\r\n") || slices.Contains(names, name) {
			continue
		}
		if f.Use != "" {
			name += " = " + f.Use
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		w.rules = append(w.rules, rule{Match: match{Protocol: p.Name}, Folders: names})
	}
}
