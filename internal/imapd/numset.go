package imapd

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// span is a range of positions in the view: from is a sequence number minus one, and to isn't included.
type span struct{ from, to int }

// spans are sorted and don't touch.
type spans []span

func (l spans) contains(pos int) bool {
	_, found := slices.BinarySearchFunc(l, pos, func(s span, pos int) int {
		switch {
		case s.to <= pos:
			return -1
		case s.from > pos:
			return 1
		}
		return 0
	})
	return found
}

func (l spans) len() int {
	n := 0
	for _, s := range l {
		n += s.to - s.from
	}
	return n
}

func normal(l spans) spans {
	slices.SortFunc(l, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := l[:0]
	for _, s := range l {
		switch n := len(out); {
		case s.from >= s.to:
		case n > 0 && s.from <= out[n-1].to:
			out[n-1].to = max(out[n-1].to, s.to)
		default:
			out = append(out, s)
		}
	}
	return out
}

// positions resolves a message set in the view. "*" is the last message (RFC 9051 section 9, seq-number), and `$` is
// the saved search result. With strict, a range of sequence numbers that are all too high is an error (RFC 3501 section
// 9).
func (s *session) positions(set imap.NumSet, strict bool) (spans, error) {
	if err := s.catchUp(); err != nil {
		return nil, err
	}
	uids := s.view.UIDs()
	n := len(uids)
	if imap.IsSearchRes(set) {
		l := make(spans, 0, len(s.saved))
		for _, uid := range s.saved {
			if i, found := slices.BinarySearch(uids, uid); found {
				l = append(l, span{i, i + 1})
			}
		}
		return normal(l), nil
	}
	var l spans
	switch set := set.(type) {
	case imap.SeqSet:
		for _, r := range set {
			low, high := order(r.Start, r.Stop, uint32(n))
			if low > uint32(n) && strict {
				return nil, bad("There is no message with such a number")
			}
			l = append(l, span{int(min(low, uint32(n)+1)) - 1, int(min(high, uint32(n)))})
		}
	case imap.UIDSet:
		if n == 0 {
			return nil, nil
		}
		for _, r := range set {
			low, high := order(uint32(r.Start), uint32(r.Stop), uint32(s.shown(uids[n-1])))
			from, _ := slices.BinarySearch(uids, s.meant(low))
			to, found := slices.BinarySearch(uids, s.meant(high))
			if found {
				to++
			}
			l = append(l, span{from, to})
		}
	}
	for i := range l {
		l[i].from = max(l[i].from, 0)
	}
	return normal(l), nil
}

// order replaces "*", which the library writes as 0, and sorts the two ends.
func order(start, stop, last uint32) (low, high uint32) {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return min(start, stop), max(start, stop)
}

// uidsAt lists the UIDs at these positions.
func (s *session) uidsAt(l spans) []store.UID {
	all := s.view.UIDs()
	if len(l) == 1 && l[0].from == 0 && l[0].to == len(all) {
		return all
	}
	uids := make([]store.UID, 0, l.len())
	for _, r := range l {
		uids = append(uids, all[r.from:r.to]...)
	}
	return uids
}

// resolve lists the UIDs in a command's message set.
func (s *session) resolve(set imap.NumSet) ([]store.UID, error) {
	if s.view == nil {
		return nil, noMailboxSelected
	}
	s.meanwhile()
	l, err := s.positions(set, true)
	if err != nil {
		return nil, err
	}
	return s.uidsAt(l), nil
}

func seqSet(seqs []uint32) imap.SeqSet {
	var set imap.SeqSet
	for _, seq := range seqs {
		if n := len(set); n > 0 && set[n-1].Stop+1 == seq {
			set[n-1].Stop++
			continue
		}
		set = append(set, imap.SeqRange{Start: seq, Stop: seq})
	}
	return set
}
