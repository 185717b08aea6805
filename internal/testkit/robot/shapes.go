package robot

import (
	"regexp"
	"strings"
	"sync"
)

// Shapes are replies as a robot has seen them at a correct server, with the digits replaced.
type Shapes struct {
	Learning bool // add what comes, rather than refuse it

	mu   sync.Mutex
	seen map[string]bool
}

var digit = regexp.MustCompile(`[0-9]`)

// usual reports whether a reply to a command has been seen before. While Learning is set, it adds the reply.
func (s *Shapes) usual(command string, lines []string) bool {
	key := digit.ReplaceAllString(command+"\n"+strings.Join(lines, "\n"), "0")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Learning {
		if s.seen == nil {
			s.seen = map[string]bool{}
		}
		s.seen[key] = true
	}
	return s.seen[key]
}
