package budget

import (
	"syscall"
	"unsafe"
)

func physical() int64 {
	var status struct { // MEMORYSTATUSEX
		length, load uint32
		totalPhys    uint64
		rest         [6]uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	call := syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return 0
	}
	return int64(status.totalPhys)
}
