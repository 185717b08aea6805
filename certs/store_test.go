package certs

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustLoad(t *testing.T, dir string, hostnames ...string) *CA {
	t.Helper()
	ca, err := LoadOrCreate(dir, Options{Hostnames: hostnames})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestStoreKeepsCA(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "ca")
	first := mustLoad(t, dir, "mail.corp.lan")
	if life := time.Until(first.Cert().NotAfter); life < 3600*day {
		t.Errorf("a stored CA lives %v", life)
	}
	again := mustLoad(t, dir) // with fewer names it still works
	if !first.Cert().Equal(again.Cert()) {
		t.Error("another CA the second time")
	}
	if err := verify(first, mustMint(t, again, ""), "localhost", time.Now()); err != nil {
		t.Error(err)
	}
	onDisk, err := os.ReadFile(filepath.Join(dir, certFile))
	if err != nil || !bytes.Equal(onDisk, first.PEM()) {
		t.Errorf("ca.pem differs from PEM(): %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("directory holds %v, %v", entries, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, certFile): 0o600, filepath.Join(dir, keyFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want mode %#o", path, info.Mode(), want)
		}
	}
}

func TestStoreRefuses(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		opts  Options
		want  []string
	}{
		{"open key", func(t *testing.T, dir string) { os.Chmod(filepath.Join(dir, keyFile), 0o640) }, Options{}, []string{keyFile, "0640", "chmod 600"}},
		{"open directory", func(t *testing.T, dir string) { os.Chmod(dir, 0o755) }, Options{}, []string{"0755", "chmod 700"}},
		{"expired", nil, Options{Now: func() time.Time { return time.Now().Add(storedLife + day) }}, []string{certFile, "expired on", "delete"}},
		{"future", nil, Options{Now: func() time.Time { return time.Now().Add(-2 * day) }}, []string{certFile, "clock"}},
		{"new name", nil, Options{Hostnames: []string{"other.lan"}}, []string{certFile, "other.lan", "delete"}},
		{"new address", nil, Options{Hostnames: []string{"192.0.2.9"}}, []string{certFile, "192.0.2.9", "delete"}},
		{"bad name", nil, Options{Hostnames: []string{"a b"}}, []string{"host name"}},
		{"damaged certificate", func(t *testing.T, dir string) { write(t, filepath.Join(dir, certFile), []byte("nothing")) }, Options{}, []string{certFile, "damaged"}},
		{"damaged key", func(t *testing.T, dir string) { write(t, filepath.Join(dir, keyFile), nil) }, Options{}, []string{keyFile, "damaged"}},
		{"missing key", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, keyFile)) }, Options{}, []string{keyFile, "missing"}},
		{"another's certificate", func(t *testing.T, dir string) { write(t, filepath.Join(dir, certFile), newTestCA(t).PEM()) }, Options{}, []string{certFile, "does not belong", keyFile}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(tt.name, "open") && runtime.GOOS == "windows" {
				t.Skip("no mode bits")
			}
			dir := filepath.Join(t.TempDir(), "ca")
			mustLoad(t, dir)
			if tt.spoil != nil {
				tt.spoil(t, dir)
			}
			_, err := LoadOrCreate(dir, tt.opts)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error lacks %q: %v", part, err)
				}
			}
		})
	}
}

// TestStoreRenews checks that the advice in the error messages works: a deleted ca.pem is made again for the same key.
func TestStoreRenews(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	first := mustLoad(t, dir)
	if err := os.Remove(filepath.Join(dir, certFile)); err != nil {
		t.Fatal(err)
	}
	second := mustLoad(t, dir, "other.lan")
	if first.Cert().Equal(second.Cert()) || !bytes.Equal(first.Cert().SubjectKeyId, second.Cert().SubjectKeyId) {
		t.Error("want a new certificate for the same key")
	}
}

// TestStoreRace checks that processes which start at the same time agree. Each goroutine stands for a process, because
// they share only the directory.
func TestStoreRace(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := filepath.Join(t.TempDir(), "ca")
		var all sync.WaitGroup
		cas := make([]*CA, 8)
		for i := range cas {
			all.Go(func() {
				var err error
				if cas[i], err = LoadOrCreate(dir, Options{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		for _, ca := range cas {
			if !ca.Cert().Equal(cas[0].Cert()) {
				t.Fatal("two CAs in one directory")
			}
		}
	}
}
