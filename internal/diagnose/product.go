package diagnose

import (
	"slices"

	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// Table is what findings are made with: the rows, and the protocols whose words the predicates know.
type Table struct {
	Rows      []Row
	Protocols []*protocol.Protocol
}

// Product returns mailrig's own table. The caller may add to it.
func Product() *Table { return &Table{slices.Clone(table), all.Protocols()} }

// Rows returns the rows of mailrig's own table.
func Rows() []Row { return slices.Clone(table) }

// Lookup returns the row with this id in mailrig's own table.
func Lookup(id string) (Row, bool) { return (&Table{Rows: table}).Lookup(id) }

// Lookup returns the row with this id.
func (t *Table) Lookup(id string) (Row, bool) {
	for _, r := range t.Rows {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}
