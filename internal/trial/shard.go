package trial

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/scenarios"
)

// Shard is a part of a trial: number Number of Of, counted from 1. Every machine divides the same scenarios in the same
// way. The zero value is the whole trial.
type Shard struct{ Number, Of int }

// mostShards is how many parts a trial may have, more than there are scenarios.
const mostShards = 1000

// ParseShard reads 3/8. "" is the whole trial.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	number, of, _ := strings.Cut(text, "/")
	n, err1 := strconv.Atoi(number)
	m, err2 := strconv.Atoi(of)
	if err1 != nil || err2 != nil || n < 1 || n > m || m > mostShards {
		return Shard{}, fmt.Errorf("%q isn't a part of a trial; write 3/8 for the third of eight parts, which are %d at most", text, mostShards)
	}
	return Shard{n, m}, nil
}

// ShardOf says in a report which part of a trial it is.
type ShardOf struct {
	Number int `json:"number"` // from 1 to Of
	Of     int `json:"of"`
	// All lists the scenarios of the whole trial, in their order.
	All []string `json:"all"`
}

func (t *Trial) shardOf() *ShardOf {
	if t.Shard.Of == 0 {
		return nil
	}
	of := &ShardOf{Number: t.Shard.Number, Of: t.Shard.Of, All: []string{}}
	for _, s := range t.Scenarios {
		of.All = append(of.All, s.Name)
	}
	return of
}

// usually is how long a run takes under a scenario that makes nobody wait: an estimate.
const usually = 200 * time.Millisecond

// Mine returns the scenarios of the trial's shard. All shards take about as long: the scenario that is expected to take
// the longest goes to the shard that has the least to do so far, and so on.
func (t *Trial) Mine() (mine []*scenarios.Scenario) {
	if t.Shard.Of == 0 {
		return t.Scenarios
	}
	takes := func(s *scenarios.Scenario) time.Duration { return usually + waits(s, t.limit()) }
	order := slices.Clone(t.Scenarios)
	slices.SortStableFunc(order, func(a, b *scenarios.Scenario) int { return cmp.Compare(takes(b), takes(a)) })
	load := make([]time.Duration, t.Shard.Of)
	chosen := map[string]bool{}
	for _, s := range order {
		least := slices.Index(load, slices.Min(load))
		load[least] += takes(s)
		if least == t.Shard.Number-1 {
			chosen[s.Name] = true
		}
	}
	for _, s := range t.Scenarios {
		if chosen[s.Name] {
			mine = append(mine, s)
		}
	}
	return mine
}

// String names the part in messages.
func (s *ShardOf) String() string {
	if s == nil {
		return "a whole trial"
	}
	return fmt.Sprintf("shard %d/%d", s.Number, s.Of)
}

// number is 0 for a whole trial.
func (s *ShardOf) number() int {
	if s == nil {
		return 0
	}
	return s.Number
}
