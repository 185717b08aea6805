//go:build unix

package seed_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/seed"
)

// TestSpecialFiles checks that nothing is read that could wait or go on for ever.
func TestSpecialFiles(t *testing.T) {
	t.Parallel()
	link := func(to string) func(string) error { return func(at string) error { return os.Symlink(to, at) } }
	for name, test := range map[string]struct {
		make func(at string) error
		want string
	}{
		"fifo.eml":   {func(at string) error { return syscall.Mkfifo(at, 0o600) }, "a FIFO"},
		"fifo":       {func(at string) error { return syscall.Mkfifo(at, 0o600) }, "a FIFO"},
		"device.eml": {link("/dev/zero"), "a device"},
		"self.eml":   {link("self.eml"), "symbolic links"},
		"up":         {link(".."), "leads back"},
		"here":       {link("."), "leads back"},
		"socket.eml": {func(at string) error {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
			if err == nil {
				ln.SetUnlinkOnClose(false)
				ln.Close()
			}
			return err
		}, "a socket"},
	} {
		dir, err := os.MkdirTemp("", "seed") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		box := filepath.Join(dir, "ann", "INBOX")
		if err := os.MkdirAll(box, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := test.make(filepath.Join(box, name)); err != nil {
			t.Fatal(err)
		}
		_, err = seed.Load(t.Context(), memory.New(memory.Options{}), os.DirFS(dir), seed.Options{})
		if err == nil || !strings.Contains(err.Error(), "ann/INBOX/"+name) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestLinks checks that a message or a mailbox behind a link is loaded.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(elsewhere, "1.eml"), []byte("a: b\n"), 0o600),
		os.Mkdir(filepath.Join(dir, "ann"), 0o700),
		os.Symlink(elsewhere, filepath.Join(dir, "ann", "INBOX")),
		os.Symlink(elsewhere, filepath.Join(dir, "ann", "Copy")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := seed.Load(t.Context(), memory.New(memory.Options{}), os.DirFS(dir), seed.Options{}); n != 2 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}
