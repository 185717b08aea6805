package state

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Numbers hands out ascending numbers without waiting for the Store: it takes them in blocks, and ahead. None is handed out
// twice, also not by another process or after a crash, which leaves a gap. Close gives back what is left.
type Numbers struct {
	store Store
	name  string
	block uint64
	log   *slog.Logger

	mu       sync.Mutex
	next     uint64    // the next one
	end      uint64    // behind the last one of the block
	ahead    [2]uint64 // the next block, from and to; zero: not taken yet
	taking   bool
	failed   time.Time // when taking failed
	base     string    // of numbers that are handed out without a block: that block's last one
	stranded uint64    // how many of these were handed out
	closed   bool
	taken    sync.WaitGroup
}

// kindNumbers is the kind of records of numbers that were taken and not handed out.
const kindNumbers = "numbers"

// left is such a record.
type left struct{ Next, End uint64 }

// OpenNumbers returns numbers that begin where those of this name ended. block is how many it takes at a time. If none can be
// taken now, the numbers can be used all the same: they have two parts until the Store can be written.
func OpenNumbers(ctx context.Context, st Store, name string, block int, log *slog.Logger) (*Numbers, error) {
	n := &Numbers{store: st, name: name, block: uint64(block), log: log}
	if ok, err := n.reclaim(ctx); ok {
		return n, err
	}
	first, err := st.Take(ctx, name, block)
	if err != nil {
		n.base, n.failed = strings.ToLower(rand.Text()[:8]), time.Now()
		return n, err
	}
	n.next, n.end = first, first+n.block
	return n, nil
}

// reclaim takes what a process has given back.
func (n *Numbers) reclaim(ctx context.Context) (ok bool, err error) {
	list, err := n.store.List(ctx, kindNumbers, n.name+"/", 10)
	for _, r := range list {
		var l left
		if !strings.HasPrefix(r.Key, n.name+"/") {
			break
		}
		if err := json.Unmarshal(r.Data, &l); err != nil {
			return false, fmt.Errorf("numbers that were given back can't be read: %w", err)
		}
		switch _, err := n.store.Apply(ctx, Done(r)); {
		case errors.Is(err, ErrConflict): // another process was quicker
		case err != nil:
			return false, err
		case l.Next < l.End:
			n.next, n.end = l.Next, l.End
			return true, nil
		}
	}
	return false, err
}

// Peek returns the number that Next would return now. It is 0 while there is none.
func (n *Numbers) Peek() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.next
}

// Next returns the next number, as text. While the Store can't be reached and no number is left, it has two parts.
func (n *Numbers) Next() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == n.end && n.ahead[1] != 0 {
		n.next, n.end, n.ahead, n.stranded = n.ahead[0], n.ahead[1], [2]uint64{}, 0
	}
	if n.end-n.next <= n.block/2 && n.ahead[1] == 0 && !n.taking && !n.closed && time.Since(n.failed) > time.Second {
		n.taking = true
		n.taken.Go(n.take)
	}
	if n.next == n.end {
		n.stranded++
		return fmt.Sprintf("%s.%d", n.base, n.stranded)
	}
	n.next++
	if n.next == n.end {
		n.base = strconv.FormatUint(n.end-1, 10)
	}
	return strconv.FormatUint(n.next-1, 10)
}

// take takes the next block.
func (n *Numbers) take() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	first, err := n.store.Take(ctx, n.name, int(n.block))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.taking = false
	if err != nil {
		n.failed = time.Now()
		n.log.Error("take more numbers", "of", n.name, "error", err)
		return
	}
	n.ahead = [2]uint64{first, first + n.block}
}

// Close gives back the numbers that weren't handed out. Next may still be called.
func (n *Numbers) Close(ctx context.Context) error {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.taken.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ahead[0] == n.end { // the usual case: both are one piece
		n.end, n.ahead = n.ahead[1], [2]uint64{}
	}
	if n.next == n.end {
		n.next, n.end = n.ahead[0], n.ahead[1]
	}
	if n.next >= n.end {
		return nil
	}
	data, err := json.Marshal(left{n.next, n.end})
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s/%020d", n.name, n.next)
	n.next = n.end
	_, err = n.store.Apply(ctx, Put(kindNumbers, key, data))
	return err
}
