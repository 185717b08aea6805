//go:build unix

package scenarios

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLoadFileDoesNotWait checks that what is no file is an error which names it.
func TestLoadFileDoesNotWait(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "x.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{fifo: "a FIFO", "/dev/zero": "a device", t.TempDir(): "a directory"} {
		if _, err := LoadFile(file); err == nil || !strings.Contains(err.Error(), file+" is "+want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
