package shared

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
)

// BenchmarkDeliver is 16 clients that deliver messages of 1 KiB, each acknowledged when it is durable, at one server or at
// several that share the database.
func BenchmarkDeliver(b *testing.B) {
	for _, servers := range []int{1, 2, 3} {
		b.Run(fmt.Sprint(servers), func(b *testing.B) {
			url := durable.Database(b)
			var stores []*Store
			for range servers {
				stores = append(stores, opened(b, url, Options{}))
			}
			work := make(chan int)
			done := make(chan struct{})
			for c := range 16 {
				go func() {
					defer func() { done <- struct{}{} }()
					for i := range work {
						in := text(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", 1000)))
						if _, err := stores[c%servers].Deliver(b.Context(), []string{fmt.Sprint("u", i%16)}, in); err != nil {
							b.Error(err)
						}
					}
				}()
			}
			b.ResetTimer()
			for i := range b.N {
				work <- i
			}
			close(work)
			for range 16 {
				<-done
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

const user = "u@example.test"

func text(s string) store.Incoming {
	return store.Incoming{Content: store.Bytes(s), Envelope: store.Envelope{From: "a@b", Recipients: []string{user}, Session: "7"}}
}
