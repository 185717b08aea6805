package fault

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Chance is how probable it is that a rule acts where it could, in percent. 0 stands for always.
//
// The outcome depends on the plan's seed (WithSeed), the scenario, the rule's place in it, and how often the rule was
// asked before. So a client that does the same again, at a rig with the same seed, meets the same.
//
// A rule made in code sets the number: Rule{Chance: 10, …} acts in one of ten cases.
type Chance float64

// UnmarshalText parses a percentage like 10% or 0.5%.
func (p *Chance) UnmarshalText(b []byte) error {
	number, ok := strings.CutSuffix(string(b), "%")
	f, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(f > 0 && f <= 100) {
		return fmt.Errorf("%q isn't a percentage above 0%% and up to 100%%, like 10%%", b)
	}
	*p = Chance(f)
	return nil
}

// String returns the percentage.
func (p Chance) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// lucky throws the dice. If the counters fail, the rule doesn't act.
func (r *rule) lucky(c *Conn) bool {
	if r.Chance == 0 {
		return true
	}
	// All connections together: if each had dice of its own, the first command of every connection would meet the same.
	per := r.Per
	if per == PerConnection {
		per = PerScenario
	}
	counters, key := r.at(c, per)
	key.Rule += "/chance"
	n, err := counters.Add(c.ctx(), key)
	return err == nil && dice(r.seed, key, n) < float64(r.Chance)/100
}

// dice returns a number from 0 to 1, without 1, for the n-th throw.
func dice(seed uint64, k Key, n int) float64 {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte(k.Rule + "\x00" + k.Subject))
	// FNV's highest bits hardly change from one number to the next; these two steps of SplitMix64 spread them.
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// stands decides for the connection's whole life whether a rule without counters acts, by its chance.
func (r *rule) stands(c *Conn) bool {
	if r.Chance == 0 {
		return true
	}
	kept := c.keep()
	acts, thrown := kept.lots[r]
	if !thrown {
		acts = r.lucky(c)
		if kept.lots == nil {
			kept.lots = map[*rule]bool{}
		}
		kept.lots[r] = acts
	}
	return acts
}
