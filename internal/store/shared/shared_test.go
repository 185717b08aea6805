package shared

import (
	"errors"
	"os"
	"testing"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

var server pgserver.Server

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store { return opened(t, server.Database(t), Options{}) })
}

// opened returns the store in a database. It is closed with the test, and must be in order then.
func opened(t testing.TB, url string, o Options) *Store {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), db, o)
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}
