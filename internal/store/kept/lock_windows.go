package kept

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// dirLock keeps other processes away from a directory. It ends with the process, however that ends.
type dirLock struct{ handle windows.Handle }

// lockDir takes the lock: while it is open, nobody else can open the file.
func lockDir(dir string) (*dirLock, error) {
	name, err := windows.UTF16PtrFromString(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return nil, inUse(dir, "")
	}
	if err != nil {
		return nil, fmt.Errorf("take the lock of the directory for kept mail: %w", &os.PathError{Op: "open", Path: dir, Err: err})
	}
	return &dirLock{h}, nil
}

func (l *dirLock) release() error { return windows.CloseHandle(l.handle) }
