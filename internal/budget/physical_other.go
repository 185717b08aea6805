//go:build !linux && !darwin && !windows

package budget

func physical() int64 { return 0 }
