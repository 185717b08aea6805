package budget

import (
	"encoding/binary"
	"syscall"
)

func physical() int64 {
	text, err := syscall.Sysctl("hw.memsize") // a number as bytes; a zero at the end is cut off
	if err != nil {
		return 0
	}
	var raw [8]byte
	copy(raw[:], text)
	return int64(binary.LittleEndian.Uint64(raw[:]))
}
