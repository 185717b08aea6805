package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
		return nil, plain(err)
	}
	if r.Results == nil {
		return nil, errors.New("it has no results")
	}
	for {
		var more Result
		err := dec.Decode(&more)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return r, r.check()
		case err != nil:
			return nil, plain(err)
		}
		r.Results = append(r.Results, more)
	}
}

// plain says what is wrong with JSON, without the words of Go.
func plain(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends in the middle")
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("a part of it is of the JSON type %s, which a report doesn't have there", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("its %s is of the JSON type %s", kind.Field, kind.Value)
	}
	return err
}

// check returns an error if no trial writes such a report. Otherwise what isn't a result would count as nothing that failed.
func (r *Report) check() error {
	if s := r.Shard; s != nil && (s.Number < 1 || s.Number > s.Of || s.Of > mostShards) {
		return fmt.Errorf("there is no shard %d/%d", s.Number, s.Of)
	}
	mine, seen := map[string]bool{}, map[string]bool{}
	if r.Shard != nil {
		for _, name := range r.Shard.All {
			mine[name] = true
		}
	}
	for i := range r.Results {
		x := &r.Results[i]
		switch {
		case x.Scenario == "":
			return fmt.Errorf("result %d has no scenario", i+1)
		case !slices.Contains(verdicts, x.Verdict):
			return fmt.Errorf("the verdict on %q is %q, which is none", x.Scenario, x.Verdict)
		case seen[x.Scenario]:
			return fmt.Errorf("it has two results for %q", x.Scenario)
		case r.Shard != nil && !mine[x.Scenario]:
			return fmt.Errorf("it has a result for %q, which isn't in its list of the trial's scenarios", x.Scenario)
		}
		seen[x.Scenario] = true
	}
	return nil
}
