package server

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// TestFurtherFinding checks that a rig with a row of its own has that finding everywhere: when waiting, in the list,
// and at the end.
func TestFurtherFinding(t *testing.T) {
	t.Parallel()
	s, err := New(Config{PortOffset: "random", findings: append(diagnose.Rows(), diagnose.Row{
		ID: "said-xyzzy", Severity: diagnose.Info, Title: "Said XYZZY on port {door}.",
		When: func(c *diagnose.Case) (all []diagnose.Evidence) {
			for _, f := range c.Sessions {
				for _, step := range f.Steps {
					if step.Verb == "XYZZY" {
						all = append(all, diagnose.Evidence{Sessions: []*diagnose.Facts{f}})
					}
				}
			}
			return all
		},
	})})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, d := range s.Doors() {
		if d.Port != 25 {
			continue
		}
		c, err := net.Dial("tcp", d.Address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "XYZZY\r\nQUIT\r\n")
		buf := make([]byte, 4096)
		for err == nil {
			_, err = c.Read(buf)
		}
		c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := s.Wait(ctx, Condition{What: Findings, IDs: []string{"said-xyzzy"}})
	if err != nil || !o.Met || o.Findings[0].Title != "Said XYZZY on port 25." {
		t.Fatalf("%+v %v", o, err)
	}
	for where, list := range map[string][]Finding{"Findings": s.Findings(), "Conclude": s.Conclude()} {
		n := 0
		for _, f := range list {
			if f.ID == "said-xyzzy" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has it %d times", where, n)
		}
	}
	if err := CheckFindings("said-xyzzy"); err == nil {
		t.Error("it is among the product's")
	}
}
