package server

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/spool"
)

// What the parts of a rig may take of Config.MaxMemory. Five eighths are for what is held on behalf of clients, one
// eighth for their connections. The rest is room for what is computed and for what the garbage collector hasn't
// collected yet.
const (
	programMemory    = 24 << 20 // bytes that the program itself takes
	connectionMemory = 24 << 10 // bytes of an idle connection in TLS
)

// What the parts of a rig may take of the descriptors that a process has.
const (
	ownDescriptors  = 64
	maxHTTP         = 256 // connections to the HTTP door
	diskPerMemory   = 4   // temporary files may hold so many times Config.MaxMemory
	maxDescriptors  = 1 << 20
	leastOfAnything = 4
)

// bounds are what the parts of a rig may take.
type bounds struct {
	memory      int64 // in total
	connections int
	http        int
	notes       []string

	mail, memos, sessions, views, answers, tokens *budget.Share
	watched                                       int64 // bytes of the sessions that findings look at, beside the shares
	spool                                         spool.Room
}

// newBounds divides the memory and the descriptors. It lowers what doesn't fit and says so in notes.
func newBounds(cfg *Config, descriptors int64) *bounds {
	left := max(cfg.MaxMemory-programMemory, budget.Least-programMemory)
	held := budget.New(left * 5 / 8)
	part := func(sixteenths int64) *budget.Share { return held.Share(held.Limit() / 16 * sixteenths) }
	b := &bounds{
		memory: cfg.MaxMemory, mail: part(10), memos: part(1), sessions: part(3), views: part(1), answers: part(1), tokens: part(1),
		watched:     held.Limit() / 16,
		connections: cfg.MaxConnections, http: maxHTTP,
	}
	files := int64(maxDescriptors)
	if descriptors > 0 {
		free := max(descriptors-ownDescriptors, 0)
		files = max(leastOfAnything, free/4)
		b.http = int(max(leastOfAnything, min(maxHTTP, free/8)))
		b.lower(max(leastOfAnything, free*5/8), fmt.Sprintf("this process may have only %d files open; raise that limit (ulimit -n) for more", descriptors))
	}
	b.lower(left/8/connectionMemory, fmt.Sprintf("--max-memory is %s; raise it for more", budget.FormatSize(cfg.MaxMemory)))
	b.spool = spool.Room{Memory: part(1), Files: budget.NewFiles("", cfg.MaxMemory*diskPerMemory, files)}

	if most := held.Limit()/16*10 - traceRoom - 4<<10; cfg.MaxMessageBytes > most {
		b.notes = append(b.notes, fmt.Sprintf("messages may have at most %s, because --max-memory is %s; raise it for larger ones",
			budget.FormatSize(most), budget.FormatSize(cfg.MaxMemory)))
		cfg.MaxMessageBytes = most
	}
	return b
}

// trouble tells whoever runs the server what has gone wrong, once for each kind.
func (s *Server) trouble(kind, text string) {
	s.cfg.Logger.Warn(text)
	s.mu.Lock()
	told := s.told[kind]
	if s.told == nil {
		s.told = map[string]bool{}
	}
	s.told[kind] = true
	s.mu.Unlock()
	if !told && s.cfg.OnTrouble != nil {
		s.cfg.OnTrouble(text)
	}
}

// lower lowers the number of connections to most.
func (b *bounds) lower(most int64, why string) {
	if int64(b.connections) > most {
		b.connections = int(most)
		b.notes = append(b.notes, fmt.Sprintf("at most %d connections at a time, because %s", most, why))
	}
}

// Bounds says what a rig takes at most.
type Bounds struct {
	Memory      int64  `json:"max_memory"`  // bytes in total
	Connections int    `json:"connections"` // to all doors at a time
	WhenFull    string `json:"when_full"`   // refuse or evict
}

// Bounds returns what the rig takes at most. It may be less than Config asks for; Notes says why.
func (s *Server) Bounds() Bounds {
	return Bounds{Memory: s.bounds.memory, WhenFull: s.cfg.WhenFull, Connections: s.bounds.connections}
}
