// Command bench measures what mailrig costs, always next to a baseline in the same run. Machines differ and are noisy,
// so only the ratios count.
//
//	go run ./bench                 everything
//	go run ./bench -run fetch      only what has "fetch" in its name
//	go run ./bench -run rules/pop3 only that part of the comparison "rules"
//	go run ./bench -against REV    this checkout next to another commit
//
// "bare" is the library's engine with mailrig's own mailboxes behind it, directly on a TCP listener. "gate" is a whole
// mailrig door. Rounds alternate between the two, and medians are compared. README.md here has the latest results.
//
// With -against, bench builds the commit and this checkout, and drives both binaries from outside, in pairs of
// alternating rounds. Each pair gives one ratio, new to old, of a cost: the time of an operation, or the bytes of an
// idle connection or a message. bench prints the median of the ratios and its 95 % interval, by the sign test. If the
// whole interval is beyond 5 % more, bench ends with status 1; this is what "slower" means here. -only NAME measures
// less, and -pairs N sets the number of pairs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	run := flag.String("run", "", "only measurements with this in their name")
	rounds := flag.Int("rounds", 7, "rounds of each side")
	length := flag.Duration("length", time.Second, "length of a round")
	holdAddr := flag.String("hold", "", "be the process that holds idle connections to this address")
	n := flag.Int("n", 0, "with -hold: how many")
	login := flag.String("login", "", "with -hold: a line to send")
	secure := flag.Bool("secure", false, "with -hold: TLS from the first byte")
	rev := flag.String("against", "", "compare this checkout with the commit `REV`")
	only := flag.String("only", "", "with -against: only costs with `NAME` in their name")
	pairs := flag.Int("pairs", 25, "with -against: pairs of rounds")
	flag.Parse()
	if *holdAddr != "" {
		if err := hold(*holdAddr, *n, *secure, *login); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *rev != "" {
		const round = 200 * time.Millisecond
		fine, err := against(*rev, *only, *pairs, round)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(2)
		}
		if !fine {
			fmt.Fprintln(os.Stderr, "bench: something costs certainly more than 5 % more than at", *rev)
			os.Exit(1)
		}
		return
	}
	if err := measure(*run, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(run string, rounds int, length time.Duration) error {
	ctx := context.Background()
	run, only, _ := strings.Cut(run, "/")
	fmt.Printf("%-34s %14s %14s %8s\n", "", "bare", "gate", "ratio")
	for _, l := range loads {
		if !strings.Contains(l.name, run) {
			continue
		}
		bare, gate, err := compare(newBare, func() (*side, error) { return newGate(ctx) }, l, rounds, length)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Printf("%-34s %12.0f/s %12.0f/s %8.2f\n", l.name, bare, gate, gate/bare)
	}
	for _, m := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"rules", func(ctx context.Context) error { return rules(ctx, only, rounds, length) }},
		{"idle", idle}, {"start-up", startUp}, {"switch", switching},
	} {
		if strings.Contains(m.name, run) {
			if err := m.do(ctx); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	return nil
}

// compare runs a load on two sides, round by round, and returns the medians.
func compare(one, other func() (*side, error), l load, rounds int, length time.Duration) (first, second float64, err error) {
	b, err := one()
	if err != nil {
		return 0, 0, err
	}
	defer b.close()
	g, err := other()
	if err != nil {
		return 0, 0, err
	}
	defer g.close()
	var results [2][]float64
	for round := range rounds + 1 { // the first one warms up
		order := []int{0, 1}
		if round%2 == 1 {
			order = []int{1, 0}
		}
		for _, i := range order {
			rate, err := l.rate([]*side{b, g}[i], length)
			if err != nil {
				return 0, 0, fmt.Errorf("%s: %w", []string{"the first side", "the second side"}[i], err)
			}
			if round > 0 {
				results[i] = append(results[i], rate)
			}
		}
	}
	return median(results[0]), median(results[1]), nil
}
