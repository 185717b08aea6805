//go:build !unix

package budget

// Descriptors returns 0: here, no limit on open files is known.
func Descriptors() int64 { return 0 }
