//go:build unix

package budget

import "syscall"

// Descriptors returns how many files, connections included, this process may have open. The Go runtime has raised the
// soft limit to the hard one by then, where the system lets it. 0 means that nobody knows.
func Descriptors() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int64(min(uint64(limit.Cur), 1<<31)) // the fields' type depends on the system
}
