package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/scenarios"
)

// elsewhereYAML returns a scenario with twenty rules, none of them for a door that is measured.
func elsewhereYAML() string {
	var b strings.Builder
	b.WriteString("name: elsewhere\ntitle: t\nstory: s\nrules:\n")
	for _, door := range []int{2525, 587, 465, 995, 993} {
		for _, fault := range []string{"drip: {bytes: 1, every: 1s}", "delay-greeting: 10s", "certificate: expired", "hide: [STARTTLS, IDLE, TOP]"} {
			fmt.Fprintf(&b, "  - match: {door: %d}\n    %s\n", door, fault)
		}
	}
	return b.String()
}

// rules measures what twenty rules on other doors cost. It alternates between a mailrig without a scenario and one with
// them.
func rules(ctx context.Context, only string, rounds int, length time.Duration) error {
	sc, err := scenarios.Parse("elsewhere.yaml", []byte(elsewhereYAML()))
	if err != nil {
		return err
	}
	fmt.Printf("\n%-34s %14s %14s %8s\n", "20 rules on other doors", "without", "with", "ratio")
	for _, l := range loads {
		if !strings.Contains(l.name, only) {
			continue
		}
		without, with, err := compare(func() (*side, error) { return newGate(ctx) }, func() (*side, error) { return newGate(ctx, sc) }, l, rounds, length)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Printf("%-34s %12.0f/s %12.0f/s %8.2f\n", l.name, without, with, with/without)
	}
	return nil
}
