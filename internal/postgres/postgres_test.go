package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

var server pgserver.Server

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

const patience = 20 * time.Second

func opened(t testing.TB, url string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://a:s3cret@h/db":                          "",
		"postgresql:///db?host=/run/postgresql":             "",
		"postgres://a:s3cret@h":                             "names no database",
		"postgres://a:s3cret@h/db?sslmode=perhaps":          "sslmode is invalid",
		"postgres://a:s3cret@h:99999999/db":                 "port",
		"postgres://a:s3cret%@h/db":                         "special characters",
		"postgres://a:s3cret@h/db?pool_max_conns=many":      "pool_max_conns",
		"mysql://a:s3cret@h/db":                             "can't be read",
		"postgres://a:s3cret@h/db?connect_timeout=soon":     "connect_timeout",
		"postgres://a@h/db?password=s3cret&sslmode=perhaps": "sslmode",
	} {
		err := CheckURL(url)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", url, err, want)
		case err != nil && strings.Contains(err.Error(), "s3cret"):
			t.Errorf("%s: the error has the password: %v", url, err)
		}
		if shown := Masked(url); strings.Contains(shown, "s3cret") {
			t.Errorf("%s is shown as %s", url, shown)
		}
	}
	for url, want := range map[string]string{
		"postgres://a:b@h:1/db?sslmode=disable": "postgres://a@h:1/db",
		"postgres:///db?host=/run/x":            "postgres:///run/x/db",
	} {
		if got := Masked(url); got != want && got != strings.ReplaceAll(want, "/run/x", "%2Frun%2Fx") {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

// TestOpenSaysWhatToDo checks the errors of a database that can't be opened.
func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	server.Exec(t, "CREATE USER poor")
	for name, test := range map[string]struct{ url, want string }{
		"nobody listens": {"postgres://a:s3cret@127.0.0.1:1/db", "see that it runs there"},
		"no database":    {strings.Replace(url, "/test", "/none", 1), "create the database"},
		"no rights":      {strings.Replace(url, "mailrig:", "poor:", 1), "GRANT CREATE ON DATABASE"},
		"no user":        {strings.Replace(url, "mailrig:secret", "nobody:s3cret", 1), "name and the password"},
	} {
		db, err := Open(t.Context(), test.url, Options{Wait: time.Millisecond})
		if err == nil {
			t.Errorf("%s: opened (%v)", name, db.Close())
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestMigrate checks that tables are made once, also by replicas that start together, and that newer ones are refused.
func TestMigrate(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	first := Part{"x", []string{"CREATE TABLE mailrig.x (n int); INSERT INTO mailrig.x VALUES (1)"}}
	second := Part{"x", append(first.Steps, "UPDATE mailrig.x SET n = n + 1")}
	errs := make(chan error)
	for range 4 {
		go func() {
			db, err := Open(t.Context(), url, Options{})
			if err == nil {
				err = errors.Join(db.Migrate(t.Context(), first), db.Migrate(t.Context(), second), db.Close())
				if errors.Is(err, errNewer) {
					err = nil // another one was faster
				}
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	db := opened(t, url, Options{})
	var n int
	must(t, db.Pool().QueryRow(t.Context(), "SELECT sum(n) FROM mailrig.x").Scan(&n))
	if n != 2 {
		t.Errorf("the steps gave %d, want 2", n)
	}
	if err := db.Migrate(t.Context(), first); err == nil || !strings.Contains(err.Error(), "a newer mailrig") || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer version: %v", err)
	}
	if err := db.Migrate(t.Context(), Part{"y", []string{"CREATE TABLE mailrig.y (n int)", "nonsense"}}); err == nil || !strings.Contains(err.Error(), `bring "y" to version 2`) {
		t.Errorf("a step that fails: %v", err)
	}
	if err := db.Migrate(t.Context(), Part{"y", []string{"CREATE TABLE mailrig.y (n int)"}}); err != nil {
		t.Errorf("a step that failed has left something: %v", err)
	}
}

// TestReadOnlyDatabase checks that a database which takes no changes can be used if its tables are there.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	name := url[strings.LastIndex(url, "/")+1:]
	readOnly := func() { server.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = on") }
	db := opened(t, url, Options{})
	readOnly()
	db.Pool().Reset()
	if _, err := db.Pool().Exec(t.Context(), "CREATE TABLE mailrig.z (n int)"); !errors.Is(Failure(err), store.ErrReadOnly) {
		t.Errorf("a change: %v", Failure(err))
	}
	other := opened(t, url, Options{}) // its tables are there
	if err := other.Away(); err != nil {
		t.Error(err)
	}
	empty := server.Database(t)
	server.Exec(t, "ALTER DATABASE "+empty[strings.LastIndex(empty, "/")+1:]+" SET default_transaction_read_only = on")
	if _, err := Open(t.Context(), empty, Options{}); err == nil || !strings.Contains(err.Error(), "name the primary") {
		t.Errorf("an empty one: %v", err)
	}
}

// TestNews checks that what one replica tells in a transaction is heard by all when it is committed, and only then.
func TestNews(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	a, b := opened(t, url, Options{Name: "a"}), opened(t, url, Options{Name: "b"})
	heard := make(chan News, 100)
	defer a.OnNews("box", func(n News) { heard <- n })()
	defer b.OnNews("box", func(n News) { heard <- n })()
	defer b.OnNews("other", func(n News) { t.Errorf("another topic: %+v", n) })()
	w, all, wrong := b.Watch("box", "7"), b.Watch("box", ""), b.Watch("box", "8")
	defer w.Close()
	tell := func(key, text string, commit bool) {
		t.Helper()
		tx, err := a.Pool().Begin(t.Context())
		must(t, err)
		must(t, a.Tell(t.Context(), tx, "box", key, text))
		if commit {
			must(t, tx.Commit(t.Context()))
		} else {
			must(t, tx.Rollback(t.Context()))
		}
	}
	tell("7", "never", false)
	tell("7", "with spaces ü", true)
	own := 0
	for range 2 {
		select {
		case n := <-heard:
			if n.Own {
				own++
			}
			if n.Key != "7" || n.Text != "with spaces ü" || n.Missed {
				t.Errorf("heard %+v", n)
			}
		case <-time.After(patience):
			t.Fatal("not heard")
		}
	}
	if own != 1 {
		t.Errorf("%d of the two said that they are their own", own)
	}
	<-w.Changed()
	<-all.Changed()
	if len(wrong.Changed()) > 0 {
		t.Error("a token for another key")
	}
	w.Close()
	tell("7", "x", true)
	eventually(t, "news", func() bool { return len(heard) == 2 })
	if len(w.Changed()) > 0 {
		t.Error("a token after Close")
	}
}

// TestReconnect checks that the connection for news comes back by itself, and that everybody gets a token then.
func TestReconnect(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	db := opened(t, url, Options{})
	w := db.Watch("box", "7")
	defer w.Close()
	_, err := db.Pool().Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	must(t, err)
	select {
	case <-w.Changed():
	case <-time.After(patience):
		t.Fatal("no token after the connection was broken")
	}
	must(t, db.Tell(t.Context(), db.Pool(), "box", "7", "x"))
	select {
	case <-w.Changed():
	case <-time.After(patience):
		t.Fatal("no news after the connection was broken")
	}
}

// TestPooler checks that everything works through a pooler that gives each transaction another session, and that news, which it
// hides, are polled for.
func TestPooler(t *testing.T) {
	t.Parallel()
	url := server.Pooler(t, server.Database(t))
	db := opened(t, url, Options{pollEvery: 10 * time.Millisecond})
	if !db.Pooled() {
		t.Error("the pooler isn't noticed")
	}
	missed := make(chan News, 1000)
	defer db.OnNews("box", func(n News) { missed <- n })()
	var group sync.WaitGroup
	for range 8 { // many at a time: the pooler's sessions change hands
		group.Go(func() {
			for i := range 50 {
				var n int
				if err := db.Pool().QueryRow(t.Context(), "SELECT $1::int", i).Scan(&n); err != nil || n != i {
					t.Errorf("%d is %d, %v", i, n, err)
				}
			}
		})
	}
	group.Wait()
	for range 3 {
		select {
		case n := <-missed:
			if !n.Missed {
				t.Errorf("heard %+v", n)
			}
		case <-time.After(patience):
			t.Fatal("no token")
		}
	}
}

// TestReplicas checks that replicas see one another, and that one that has ended goes.
func TestReplicas(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	names := func(db *DB) string {
		t.Helper()
		list, err := db.Replicas(t.Context())
		must(t, err)
		var out []string
		for _, r := range list {
			out = append(out, r.Name)
		}
		return strings.Join(out, " ")
	}
	a := opened(t, url, Options{Name: "a"})
	b, err := Open(t.Context(), url, Options{Name: "b"})
	must(t, err)
	if a.Self().ID == b.Self().ID || names(a) != "a b" || names(b) != "a b" {
		t.Errorf("%+v sees %s, %+v sees %s", a.Self(), names(a), b.Self(), names(b))
	}
	must(t, b.Close())
	if got := names(a); got != "a" {
		t.Errorf("after one has ended: %s", got)
	}
	_, err = a.Pool().Exec(t.Context(), "INSERT INTO mailrig.replicas VALUES ('dead', 'dead', now(), now() - $1::interval)", (DeadAfter + time.Second).String())
	must(t, err)
	if got := names(a); got != "a" {
		t.Errorf("with one that has died: %s", got)
	}
}

// TestAway checks that a database which goes away is noticed within a bounded time, and that it comes back without a restart.
func TestAway(t *testing.T) {
	t.Parallel()
	var own pgserver.Server
	url := own.Database(t)
	t.Cleanup(own.Stop)
	db := opened(t, url, Options{})
	w := db.Watch("box", "")
	defer w.Close()
	own.Crash(t)
	start := time.Now()
	_, err := db.Pool().Exec(t.Context(), "SELECT 1")
	if err = Failure(err); !errors.Is(err, store.ErrUnavailable) || time.Since(start) > connectTime+time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	eventually(t, "away", func() bool { return db.Away() != nil })
	if text := fmt.Sprint(db.Away()); strings.Contains(text, "secret") {
		t.Errorf("the password is in %s", text)
	}
	own.Start(t)
	eventually(t, "back", func() bool { return db.Away() == nil })
	select {
	case <-w.Changed():
	case <-time.After(patience):
		t.Fatal("no token after the database came back")
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	db := opened(t, url, Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := db.Pool().Exec(ended, "SELECT 1")
	if err = Failure(err); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a context that has ended: %v", err)
	}
	if err := Failure(pgx.ErrNoRows); !errors.Is(err, pgx.ErrNoRows) || store.Unavailable(err) {
		t.Errorf("no rows: %v", err)
	}
	_, err = db.Pool().Exec(t.Context(), "SELECT nonsense")
	if err = Failure(err); err == nil || store.Unavailable(err) {
		t.Errorf("a wrong statement: %v", err)
	}
}
