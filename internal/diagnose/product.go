package diagnose

import (
	"slices"

	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// Table is what findings are made by: the rows, and the protocols whose words they know.
type Table struct {
	Rows      []Row
	Protocols []*protocol.Protocol
}

// Product returns the product's table. The caller may add to it.
func Product() *Table { return &Table{slices.Clone(table), all.Protocols()} }

// Rows returns the product's rows.
func Rows() []Row { return slices.Clone(table) }

// Lookup returns the product's row with that id.
func Lookup(id string) (Row, bool) { return (&Table{Rows: table}).Lookup(id) }

// Lookup returns the row with that id.
func (t *Table) Lookup(id string) (Row, bool) {
	for _, r := range t.Rows {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}
