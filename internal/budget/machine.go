package budget

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// What a server takes if nobody says how much it may.
const (
	Most  = 2 << 30  // bytes, however much memory there is
	Least = 64 << 20 // bytes; with less a server can't work
)

// Default returns half of the memory that this process may use, at most Most and at least Least, in bytes.
func Default() int64 { return half(machine()) }

func half(memory int64) int64 {
	if memory <= 0 { // unknown
		return Most / 4
	}
	return max(Least, min(Most, memory/2)) &^ (1<<20 - 1)
}

// machine returns how many bytes of memory this process may use: the machine's, or its cgroup's if that is less. 0
// means that nobody knows.
func machine() int64 {
	all := physical()
	if limit := cgroup(os.DirFS("/")); limit > 0 && (all == 0 || limit < all) {
		return limit
	}
	return all
}

// meminfo reads the machine's memory on Linux.
func meminfo(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// cgroup returns the smallest limit on this process's cgroup or one above it, of version 1 or 2. 0 means that there is
// none.
func cgroup(root fs.FS) (least int64) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	mounts := hierarchies(root)
	for line := range strings.Lines(string(own)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy:controllers:path
		if len(f) < 3 {
			continue
		}
		var mount, file string
		switch {
		case f[1] == "":
			mount, file = mounts["cgroup2"], "memory.max"
		case hasWord(f[1], "memory"):
			mount, file = mounts["memory"], "memory.limit_in_bytes"
		}
		if mount == "" {
			continue
		}
		// A container may see only its own part of the hierarchy, under the mount's root: then the path leads nowhere,
		// and one of its parents is right.
		for dir := path.Join("/", f[2]); ; dir = path.Dir(dir) {
			if n := limit(root, path.Join(mount, dir, file)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// limit reads one limit. 0 means that there is none.
func limit(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // not "max"
	if err != nil || n >= 1<<60 {
		return 0
	}
	return n
}

// hierarchies returns where version 2 ("cgroup2") and the memory controller of version 1 ("memory") are mounted.
func hierarchies(root fs.FS) map[string]string {
	at := map[string]string{}
	text, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return at
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(place) < 5 || len(kind) < 3 {
			continue
		}
		switch {
		case kind[0] == "cgroup2":
			at["cgroup2"] = place[4]
		case kind[0] == "cgroup" && hasWord(kind[2], "memory"):
			at["memory"] = place[4]
		}
	}
	return at
}

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}
