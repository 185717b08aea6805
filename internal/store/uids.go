package store

import "slices"

// Ascending returns uids sorted and without duplicates. It returns the same slice if it is already so, and otherwise a
// new one.
func Ascending(uids []UID) []UID {
	for i := 1; i < len(uids); i++ {
		if uids[i-1] >= uids[i] {
			uids = slices.Clone(uids)
			slices.Sort(uids)
			return slices.Compact(uids)
		}
	}
	return uids
}

// FindUID returns where uid is, or would be, in uids[from:], which must be ascending. Searching for ascending UIDs,
// with from as the last result, is a merge: usually the first comparison finds it.
func FindUID(uids []UID, from int, uid UID) (int, bool) {
	if from < len(uids) && uids[from] == uid {
		return from, true
	}
	i, found := slices.BinarySearch(uids[from:], uid)
	return from + i, found
}
