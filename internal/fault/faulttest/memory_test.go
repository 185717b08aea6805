package faulttest

import (
	"testing"

	"github.com/mailrig/mailrig/internal/fault"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	Run(t, func(_ testing.TB, most int) []fault.Counters { return []fault.Counters{fault.NewMemory(most)} })
}
