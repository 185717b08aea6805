package kept

import (
	"errors"
	"fmt"
)

// lockName is the file in a directory that whoever uses the directory has locked.
const lockName = "lock"

// ErrInUse means that another process uses the directory.
var ErrInUse = errors.New("another mailrig uses it")

func inUse(dir, process string) error {
	if process != "" {
		process = " (process " + process + ")"
	}
	return fmt.Errorf("open the mail kept in %s: %w%s: stop that one, or give another directory", dir, ErrInUse, process)
}
