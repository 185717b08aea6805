//go:build race

package trial_test

// racing: the race detector makes everything several times slower.
const racing = true
