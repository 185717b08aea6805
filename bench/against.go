package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// against compares this checkout with another commit. It builds both, and each pair of rounds gives one ratio. It
// reports whether nothing has certainly become worse.
func against(rev, only string, pairs int, length time.Duration) (fine bool, err error) {
	if pairs < fewestPairs {
		return false, fmt.Errorf("-pairs %d: a 95 %% interval needs %d at least", pairs, fewestPairs)
	}
	dir, err := os.MkdirTemp("", "mailrig-bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	older, newer, err := buildBoth(rev, dir)
	if err != nil {
		return false, err
	}
	fmt.Printf("%d pairs; a ratio above 1 means that it costs more now\n\n", pairs)
	fmt.Printf("%-44s %12s %12s %-10s %7s   %s\n", "", rev, "now", "", "ratio", "95 % interval")
	fine = true
	elsewhere := filepath.Join(dir, "elsewhere.yaml")
	if err := os.WriteFile(elsewhere, []byte(elsewhereYAML()), 0o600); err != nil {
		return false, err
	}
	for _, c := range costs(length, elsewhere) {
		if !strings.Contains(c.name, only) {
			continue
		}
		if c.linux && runtime.GOOS != "linux" {
			fmt.Printf("%-44s only Linux tells\n", c.name)
			continue
		}
		was, is, ratio, err := c.compare(older, newer, pairs)
		if err != nil {
			return false, fmt.Errorf("%s: %w", c.name, err)
		}
		verdict := ""
		if ratio.worse() {
			verdict = "  WORSE"
			fine = false
		}
		fmt.Printf("%-44s %12.1f %12.1f %-10s %7.3f   %.3f to %.3f%s\n", c.name, was, is, c.unit, ratio.median, ratio.low, ratio.high, verdict)
	}
	return fine, nil
}

// compare measures both binaries in turns. The order changes from pair to pair, because the second one finds the
// machine warmer. The first pair only warms up.
func (c cost) compare(older, newer string, pairs int) (was, is float64, ratio interval, err error) {
	binaries := []string{older, newer}
	var values [2][]float64
	var ratios []float64
	for pair := range pairs + 1 {
		var got [2]float64
		for k := range 2 {
			i := (pair + k) % 2
			if got[i], err = c.measure(binaries[i]); err != nil {
				return 0, 0, ratio, fmt.Errorf("%s: %w", []string{"the other commit", "this checkout"}[i], err)
			}
			if got[i] <= 0 {
				return 0, 0, ratio, errors.New("nothing was measured")
			}
		}
		if pair > 0 {
			values[0], values[1] = append(values[0], got[0]), append(values[1], got[1])
			ratios = append(ratios, got[1]/got[0])
		}
	}
	return median(values[0]), median(values[1]), medianInterval(ratios), nil
}

// buildBoth builds another commit, from an archive of it, and this checkout as it is.
func buildBoth(rev, dir string) (older, newer string, err error) {
	root, err := output(exec.Command("git", "rev-parse", "--show-toplevel"))
	if err != nil {
		return "", "", err
	}
	top := strings.TrimSpace(string(root))
	archive := exec.Command("git", "archive", "--format=tar", rev)
	archive.Dir = top
	files, err := output(archive)
	if err != nil {
		return "", "", err
	}
	source := filepath.Join(dir, "source")
	if err := unpack(files, source); err != nil {
		return "", "", err
	}
	older, newer = filepath.Join(dir, "older"), filepath.Join(dir, "newer")
	for from, to := range map[string]string{source: older, top: newer} {
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", to, "./cmd/mailrig")
		build.Dir = from
		if _, err := output(build); err != nil {
			return "", "", err
		}
	}
	return older, newer, nil
}

// output runs a command. Its error contains what the command said.
func output(cmd *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, said.Bytes())
	}
	return out, err
}

// unpack writes the files of a tar archive below dir.
func unpack(archive []byte, dir string) error {
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("%q isn't below the archive's root", h.Name)
		}
		file := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
	}
}
