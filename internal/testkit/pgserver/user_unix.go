//go:build unix

package pgserver

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// other returns the user that PostgreSQL runs as if this process is root's: postgres, or nobody.
func other() (uid, gid int, found bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return uid, gid, true
		}
	}
	return 0, 0, false
}

// give gives a folder to the other user.
func give(dir string) error {
	if uid, gid, found := other(); found {
		return os.Chown(dir, uid, gid)
	}
	return nil
}

// asOther makes a command run as the other user.
func asOther(cmd *exec.Cmd) {
	if uid, gid, found := other(); found {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}
