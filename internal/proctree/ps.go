package proctree

import (
	"strconv"
	"strings"
)

// This file reads what ps prints, for the systems without /proc.

// listed is a line of ps -o pid=,ppid=,pgid=,stat=,comm=.
type listed struct {
	Process
	parent, group int
	zombie        bool
}

// parsePS reads the output of ps.
func parsePS(out string) (all []listed) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		p := listed{zombie: strings.HasPrefix(f[3], "Z")}
		var err [3]error
		p.PID, err[0] = strconv.Atoi(f[0])
		p.parent, err[1] = strconv.Atoi(f[1])
		p.group, err[2] = strconv.Atoi(f[2])
		if err == [3]error{} {
			p.Name = strings.Join(f[4:], " ")
			all = append(all, p)
		}
	}
	return all
}

// treeOf returns the processes that root accepts and all that descend from them, without those that have ended.
func treeOf(all []listed, root func(*listed) bool) (list []Process) {
	in := map[int]bool{}
	for grew := true; grew; {
		grew = false
		for i := range all {
			if p := &all[i]; !in[p.PID] && (root(p) || in[p.parent]) {
				in[p.PID], grew = true, true
			}
		}
	}
	for i := range all {
		if p := &all[i]; in[p.PID] && !p.zombie {
			list = append(list, p.Process)
		}
	}
	return list
}
