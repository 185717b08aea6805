package door

import (
	"fmt"
	"strconv"
	"strings"
)

// DefaultOffset is how far the automatic rule moves all doors up if it can't open one of them at its standard number
// (GreenMail's convention: 3025, 3143 …).
const DefaultOffset = 3000

// maxOffset keeps the highest door within the 16 bits of a port number.
const maxOffset = 65535 - 2525

type offsetKind int

const (
	offsetAuto offsetKind = iota
	offsetExact
	offsetRandom
)

// Offset decides where the doors really listen. The zero value is the automatic rule: the standard numbers, or all
// doors [DefaultOffset] higher if one of them can't be bound because a privilege is missing or the port is in use.
type Offset struct {
	kind offsetKind
	n    int
}

// Random makes every door use a free port.
func Random() Offset { return Offset{kind: offsetRandom} }

// Exact makes every door listen n above its standard number, or fail. n is 0 to 63010.
func Exact(n int) (Offset, error) {
	if n < 0 || n > maxOffset {
		return Offset{}, fmt.Errorf("port offset %d is out of range: use 0 to %d, so that every door has a port number below 65536", n, maxOffset)
	}
	return Offset{kind: offsetExact, n: n}, nil
}

// ParseOffset parses the value of --port-offset: "" or "auto", "random", or a number.
func ParseOffset(s string) (Offset, error) {
	switch v := strings.ToLower(strings.TrimSpace(s)); v {
	case "", "auto":
		return Offset{}, nil
	case "random":
		return Random(), nil
	default:
		n, err := strconv.Atoi(v)
		if err != nil {
			return Offset{}, fmt.Errorf("port offset %q is not a number: use auto, random, or a number from 0 to %d", s, maxOffset)
		}
		return Exact(n)
	}
}

// String returns the form that [ParseOffset] parses.
func (o Offset) String() string {
	switch o.kind {
	case offsetRandom:
		return "random"
	case offsetExact:
		return strconv.Itoa(o.n)
	default:
		return "auto"
	}
}
