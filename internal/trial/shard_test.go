package trial

import (
	"slices"
	"testing"
	"time"
)

func TestParseShard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Shard{"": {}, "1/1": {1, 1}, "3/8": {3, 8}, "1000/1000": {1000, 1000}} {
		if got, err := ParseShard(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"3", "/", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/2/3", "1/1001", "3/8 "} {
		if got, err := ParseShard(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// TestShards checks that every scenario is in one shard, and that all shards take about as long.
func TestShards(t *testing.T) {
	t.Parallel()
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 3, 8, 50} {
		var names []string
		var load []time.Duration
		for i := 1; i <= n; i++ {
			shard := &Trial{Scenarios: all, Shard: Shard{i, n}}
			var sum time.Duration
			before := -1
			for _, s := range shard.Mine() {
				names = append(names, s.Name)
				sum += usually + waits(s, shard.limit())
				at := slices.Index(all, s)
				if at < before {
					t.Errorf("%d/%d: %s is out of order", i, n, s.Name)
				}
				before = at
			}
			load = append(load, sum)
		}
		slices.Sort(names)
		if unique := slices.Compact(slices.Clone(names)); len(unique) != len(all) || len(names) != len(all) {
			t.Errorf("%d shards have %d scenarios, %d different ones, of %d", n, len(names), len(unique), len(all))
		}
		if least, most := slices.Min(load), slices.Max(load); most-least > DefaultTimeout && most > least*5/4 {
			t.Errorf("%d shards take from %v to %v", n, least, most)
		}
	}
}

// TestEmptyShard checks that there may be more shards than scenarios.
func TestEmptyShard(t *testing.T) {
	t.Parallel()
	all, err := Select([]string{"greylisting"})
	if err != nil {
		t.Fatal(err)
	}
	if mine := (&Trial{Scenarios: all, Shard: Shard{1, 2}}).Mine(); len(mine) != 1 {
		t.Errorf("the first has %d scenarios", len(mine))
	}
	if mine := (&Trial{Scenarios: all, Shard: Shard{2, 2}}).Mine(); len(mine) != 0 {
		t.Errorf("the second has %d scenarios", len(mine))
	}
}
