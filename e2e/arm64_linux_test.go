package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestArm64UnderQemu runs the binary for arm64 as Docker runs an image for another architecture: by qemu-user, whose
// kernel lacks socket filters. It must start, send and receive, and say what it can't do.
func TestArm64UnderQemu(t *testing.T) {
	t.Parallel()
	long(t) // a binary must be built for it
	const emulator = "qemu-aarch64-static"
	if runtime.GOARCH == "arm64" {
		t.Skip("this machine needs no emulator")
	}
	need(t, emulator)
	emulated := filepath.Join(t.TempDir(), "mailrig")
	if err := build(emulated, append(os.Environ(), "CGO_ENABLED=0", "GOARCH=arm64"), "-trimpath"); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath(emulator)
	if err != nil {
		t.Fatal(err)
	}
	inside := func(cmd *exec.Cmd) {
		cmd.Path = path
		cmd.Args = append([]string{emulator, emulated}, cmd.Args[1:]...)
	}
	startWith(t, inside, "--scenario", "port-25-blocked").stop()
	r := startWith(t, inside)
	goSends(t, r, way{587, "starttls"}, "box@example.test", simple("a@example.test", "box@example.test", "from elsewhere"))
	r.fetched("box@example.test", "Subject: from elsewhere")

	res := r.run(binary, "use", "--http", r.HTTP, "port-25-blocked")
	res.want(0)
	const notice = "port 25 (smtp) can't drop connections here (this system cannot leave connection attempts unanswered); it accepts them and stays silent"
	if said := string(res.out) + string(res.err); !strings.Contains(said, notice) {
		t.Errorf("use says %q, and lacks %q", said, notice)
	}
	r.use("port-25-refused")
	r.use()
	goSends(t, r, way{25, "clear"}, "box@example.test", simple("a@example.test", "box@example.test", "open again"))
	r.fetched("box@example.test", "Subject: open again")
}
