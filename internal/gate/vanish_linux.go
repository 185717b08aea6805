package gate

import "syscall"

// dropAll is a socket filter that discards every packet before TCP sees it (socket(7), SO_ATTACH_FILTER). So nothing is
// acknowledged any more, and the client's packets seem to get lost.
var dropAll = [...]syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K, K: 0}}

// deafen makes the socket deaf, and reports whether that is possible.
func (g *Gate) deafen() bool {
	c, ok := g.raw.Conn.(syscall.Conn)
	if !ok || g.cfg.Park == nil {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	filter, failed := dropAll, error(nil)
	err = raw.Control(func(fd uintptr) {
		//lint:ignore SA1019 its replacement is in a module that nothing else here needs
		failed = syscall.AttachLsf(int(fd), filter[:])
	})
	return err == nil && failed == nil
}

// CanVanish reports whether the link of a connection can die here.
const CanVanish = true
