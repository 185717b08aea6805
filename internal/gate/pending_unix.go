//go:build unix

package gate

import "syscall"

// pending reports whether the client has sent something that hasn't been read yet. It doesn't wait.
func (t *tap) pending() (yes bool) {
	c, ok := t.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		yes = err == nil && n > 0
		return true
	})
	return yes
}
