package pgserver

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mailrig/mailrig/internal/testkit/await"
)

// Pooler puts PgBouncer in transaction mode in front of a database of this server, and returns the URL through it. It ends with
// the test. Where PgBouncer isn't installed, it skips the test; with CI=true it fails it.
func (s *Server) Pooler(t testing.TB, database string) (through string) {
	t.Helper()
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		bin = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(bin); err != nil {
		const missing = "PgBouncer isn't installed (Debian: apt-get install pgbouncer)"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	ini, users := filepath.Join(s.dir, fmt.Sprint("pooler", port)), filepath.Join(s.dir, fmt.Sprint("users", port))
	text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"auth_type = plain\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = 4\n", s.port, port, users)
	for path, text := range map[string]string{ini: text, users: "\"mailrig\" \"secret\"\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := `"$0" -q "$1" & pooler=$!; read -r _; kill -TERM $pooler 2>/dev/null; wait $pooler`
	cmd := s.command("/bin/sh", "-c", script, bin, ini)
	leash, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = leash.Close()
		_ = cmd.Wait() // its exit status says how it was ended
	})
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	await.Nil(t, patience, "PgBouncer doesn't start", func() error {
		conn, err := pgx.Connect(context.Background(), u.String())
		if err != nil {
			return err
		}
		return conn.Close(context.Background())
	})
	return u.String()
}
