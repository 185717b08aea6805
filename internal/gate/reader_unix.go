//go:build unix

package gate

import "syscall"

// canTry says that readSocket works.
const canTry = true

// readSocket reads from a socket that doesn't block. again says that nothing has come yet.
func readSocket(fd uintptr, b []byte) (n int, err error, again bool) {
	for {
		n, err = syscall.Read(int(fd), b)
		if err != syscall.EINTR {
			return max(n, 0), err, err == syscall.EAGAIN
		}
	}
}
