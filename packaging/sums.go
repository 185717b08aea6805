package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const sumsName = "SHA256SUMS"

// writeSums writes the checksums of what was made, in the form that sha256sum -c reads, and returns them by the files' names.
func (r *release) writeSums() (map[string]string, error) {
	made, err := filepath.Glob(filepath.Join(r.out, "mailrig_*"))
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	err = r.write(sumsName, func(w io.Writer) error {
		for _, path := range made {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum, name := sha256.Sum256(content), filepath.Base(path)
			sums[name] = hex.EncodeToString(sum[:])
			if _, err := fmt.Fprintf(w, "%s  %s\n", sums[name], name); err != nil {
				return err
			}
		}
		return nil
	})
	return sums, err
}
