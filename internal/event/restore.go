package event

import "slices"

// Past is a record that ended before the ring was made.
type Past struct {
	*Record
	Number uint64 // it was the so-manieth to end; at most Options.Begin
}

// Restore puts records that ended earlier, the oldest first, before those that have ended since. The latest stay if there
// are too many. Call it once, if Options.Restored is set.
func (j *Ring) Restore(past []Past) {
	var list []kept
	for _, p := range past {
		list = append(list, kept{Record: p.Record, number: p.Number, minor: j.looks != nil && j.looks(p.Record)})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	defer close(j.past)
	list = list[max(0, len(list)+len(j.ended)-j.keep):]
	for i, k := range slices.Backward(list) { // the latest first: there may not be room for all
		list[i].cost = k.Size()
		if j.room != nil && j.room.Reserve(list[i].cost) != nil {
			list = list[i+1:]
			break
		}
		j.minor += count(k.minor)
	}
	j.ended = slices.Concat(list, j.ended)
}

// await waits until the records that ended after the first n are there.
func (j *Ring) await(n uint64) {
	if n < j.begin {
		<-j.past
	}
}

// awaits reports whether records of before are still to come.
func (j *Ring) awaits() bool {
	select {
	case <-j.past:
		return false
	default:
		return true
	}
}
