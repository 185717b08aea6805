//go:build race

package gate_test

// raceDetector says that pools lose a part of what is put into them.
const raceDetector = true
