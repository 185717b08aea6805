//go:build linux && !386 && !s390x

package door

import (
	"os"
	"syscall"
	"unsafe"
)

// soMeminfo is SO_MEMINFO (Linux 4.12), which package syscall lacks. The ninth word of its answer is SK_MEMINFO_DROPS,
// the number of packets that the socket has dropped.
const (
	soMeminfo    = 55
	meminfoWords = 9
	meminfoDrops = 8
)

// drops returns how many packets the socket has ever dropped, or 0 if this isn't known.
func (s *socket) drops() (n uint32) {
	_ = control(s.ln, func(fd int) error {
		var words [meminfoWords]uint32
		size := uint32(unsafe.Sizeof(words))
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, soMeminfo,
			uintptr(unsafe.Pointer(&words[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			return os.NewSyscallError("getsockopt SO_MEMINFO", errno)
		}
		n = words[meminfoDrops]
		return nil
	})
	return n
}
