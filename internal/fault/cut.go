package fault

import (
	"errors"
	"fmt"
)

// Cut ends the connection in the middle of a message that the client sends: by
// DATA, BDAT or APPEND.
type Cut struct {
	After int64 `yaml:"after" doc:"how many bytes of the message are taken before, 0 or more"`
	How   End   `yaml:"how" doc:"reset (RST, the default) or close (FIN)" enum:"reset,close"`
}

// Validate checks the bounds.
func (f *Cut) Validate() error {
	if f.After < 0 {
		return errors.New("after: can't be negative")
	}
	if f.How != EndNone && f.How != EndClose && f.How != EndReset {
		return fmt.Errorf("how: %q isn't one of [reset close]", f.How)
	}
	return nil
}

func (f *Cut) body() Body {
	end := f.How
	if end == EndNone {
		end = EndReset
	}
	return Body{After: f.After, End: end}
}
