//go:build !race

package trial_test

const racing = false
