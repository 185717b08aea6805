package kept

import (
	"context"
	"errors"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store { return opened(t, t.TempDir()) })
}

// opened returns the store in a directory. It is closed with the test.
func opened(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r, err := s.Check(context.Background()); !errors.Is(err, store.ErrUnavailable) && (err != nil || len(r.Problems) > 0) { // unless the test has closed it
			t.Errorf("at the end: %v, %v", r.Problems, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
