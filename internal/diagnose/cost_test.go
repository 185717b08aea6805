package diagnose

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// TestDeliveredTwiceCostGrowsWithMessages: a client that sends thousands of messages to one recipient isn't looked at in
// time that grows with their square.
func TestDeliveredTwiceCostGrowsWithMessages(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's turns aren't the predicate's cost
	const each = 100
	start := time.Now()
	mail := func(messages int) *Case {
		var records []*event.Record
		for i := range messages / each {
			r := &event.Record{ID: fmt.Sprint(i), Door: 25, Service: "smtp", Protocol: "smtp", Start: start, End: start.Add(time.Minute)}
			for j := range each {
				r.Messages = append(r.Messages, event.Stored{Recipients: []string{"bob@example.test"}, Sum: fmt.Sprintf("0000000%d-%d", i, j)})
			}
			records = append(records, r)
		}
		return NewCase(records, start)
	}
	few, many := mail(1600), mail(6400)
	cost := func(c *Case) float64 {
		began := time.Now()
		if found := deliveredTwice(c); found != nil {
			t.Fatalf("%d findings about different messages", len(found))
		}
		return float64(time.Since(began))
	}
	best := 100.0
	const most = 7 // 16 would be the square
	for try := 0; try < 20 && best > most; try++ {
		best = min(best, cost(many)/cost(few))
	}
	if best > most {
		t.Errorf("four times the messages cost %.1f times as much", best)
	}
}
