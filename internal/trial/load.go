package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxReport is the largest JSON report, in bytes. A report on the whole catalogue has a few million.
const maxReport = 256 << 20

// LoadReport reads a JSON report, or the journal of a trial that hasn't ended.
func LoadReport(file string) (*Report, error) {
	data, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the report %s: %w", file, err)
	}
	r, err := decodeReport(data)
	if err != nil {
		return nil, fmt.Errorf("%s isn't a JSON report of a trial: %w; write one with --report FILE.json", file, err)
	}
	r.count() // a journal has none
	return r, nil
}

var errTooLarge = fmt.Errorf("it is larger than %d bytes, more than any report; give a JSON report, or a list of scenarios", maxReport)

// readBounded reads a file. Its errors don't name it.
func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, pathless(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReport+1))
	if err == nil && len(data) > maxReport {
		err = errTooLarge
	}
	return data, pathless(err)
}

// pathless returns an error without the name of the file, for messages that have it.
func pathless(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// decodeReport reads a report and the results behind it, which a journal has. A last result that isn't complete is left
// out: whoever wrote it was killed.
func decodeReport(data []byte) (*Report, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	r := &Report{}
	if err := dec.Decode(r); err != nil {
		return nil, err
	}
	if r.Results == nil {
		return nil, errors.New("it has no results")
	}
	for {
		var more Result
		err := dec.Decode(&more)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return r, nil
		case err != nil:
			return nil, err
		}
		r.Results = append(r.Results, more)
	}
}
