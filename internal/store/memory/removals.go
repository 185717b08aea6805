package memory

import (
	"cmp"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// keptRemovals is how many removals a mailbox remembers at least, 16 bytes each. To find older ones, a caller compares
// lists of UIDs.
const keptRemovals = 2048

// removals is the expunge log of a mailbox.
type removals struct {
	log []removal // sorted by mod-sequence
	// forgotten is the mod-sequence of the latest removal that is no longer in the log.
	forgotten uint64
}

type removal struct {
	uid    store.UID
	modSeq uint64
}

// add records one change: these UIDs were removed at modSeq. It returns by how many the log has grown.
func (r *removals) add(uids []store.UID, modSeq uint64) int64 {
	before := len(r.log)
	if len(uids) > keptRemovals {
		*r = removals{forgotten: modSeq}
		return int64(-before)
	}
	for _, uid := range uids {
		r.log = append(r.log, removal{uid, modSeq})
	}
	if len(r.log) > 2*keptRemovals {
		first := len(r.log) - keptRemovals
		r.forgotten = r.log[first-1].modSeq
		r.log = slices.Clone(r.log[first:])
	}
	return int64(len(r.log) - before)
}

// last returns the mod-sequence of the last removal, or 0.
func (r *removals) last() uint64 {
	if n := len(r.log); n > 0 {
		return r.log[n-1].modSeq
	}
	return r.forgotten
}

// since returns what was removed after a mod-sequence, ascending. complete reports whether that is everything.
func (r *removals) since(modSeq uint64) (uids []store.UID, complete bool) {
	if r.forgotten > modSeq {
		return nil, false
	}
	if r.last() <= modSeq {
		return nil, true
	}
	i, _ := slices.BinarySearchFunc(r.log, modSeq+1, func(x removal, m uint64) int { return cmp.Compare(x.modSeq, m) })
	for _, x := range r.log[i:] {
		uids = append(uids, x.uid)
	}
	slices.Sort(uids)
	return uids, true
}
