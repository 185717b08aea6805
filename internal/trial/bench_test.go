package trial

import (
	"path/filepath"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// BenchmarkRig measures what a fresh rig costs that shares its CA.
func BenchmarkRig(b *testing.B) {
	ca := filepath.Join(b.TempDir(), "ca")
	for b.Loop() {
		s, err := server.New(server.Config{PortOffset: "random", HTTP: "127.0.0.1:0", CADir: ca})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
