package budget

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// Files makes temporary files whose bytes and number are bounded. Any goroutine may call its methods. A nil *Files has
// no bound.
type Files struct {
	dir   string
	bytes *Share
	most  int64 // files at a time; 0: any number
	open  atomic.Int64

	// OnFull, if not nil, is called with each error for lack of room, before it is returned. It must be quick.
	OnFull func(error)
}

// NewFiles returns Files in a directory ("" means the system's) that hold at most bytes in total, in at most most files
// at a time. 0 means any number.
func NewFiles(dir string, bytes, most int64) *Files {
	return &Files{dir: dir, bytes: New(bytes).Share(0), most: most}
}

// Dir returns the directory.
func (f *Files) Dir() string {
	if f == nil || f.dir == "" {
		return os.TempDir()
	}
	return f.dir
}

// Create makes an empty file. Where the system allows it, the file has no name any more, so that it can't outlive the
// process; elsewhere Close removes it. An error is temporary, and wraps ErrFull.
func (f *Files) Create() (*File, error) {
	out := &File{of: f}
	if f != nil {
		if !take(&f.open, 1, f.most) {
			return nil, f.full(fmt.Errorf("%w: %d temporary files are open in %s", ErrFull, f.most, f.Dir()))
		}
	}
	var err error
	if out.file, err = os.CreateTemp(f.Dir(), "mailrig-spool-*"); err != nil {
		out.count(-1)
		return nil, f.full(fmt.Errorf("%w: make a temporary file: %w; make room in %s, or set TMPDIR to another directory", ErrFull, err, f.Dir()))
	}
	out.unlinked = os.Remove(out.file.Name()) == nil
	return out, nil
}

func (f *Files) full(err error) error {
	if f != nil && f.OnFull != nil {
		f.OnFull(err)
	}
	return err
}

// File is a temporary file. One goroutine writes it; afterwards, any number may read it.
type File struct {
	of       *Files
	file     *os.File
	size     int64
	unlinked bool
}

var (
	_ io.Writer   = (*File)(nil)
	_ io.ReaderAt = (*File)(nil)
	_ io.Closer   = (*File)(nil)
)

func (f *File) count(n int64) {
	if f.of != nil {
		f.of.open.Add(n)
	}
}

// room is the share of bytes; nil has no bound.
func (f *File) room() *Share {
	if f.of == nil {
		return nil
	}
	return f.of.bytes
}

// Write implements io.Writer. It fails with ErrFull beyond the bound, and if the disk is full; the error names the
// directory.
func (f *File) Write(b []byte) (int, error) {
	if err := f.room().Reserve(int64(len(b))); err != nil {
		return 0, f.of.full(fmt.Errorf("%w: the temporary files in %s hold as much as they may", ErrFull, f.of.Dir()))
	}
	n, err := f.file.Write(b)
	f.size += int64(n)
	f.room().Release(int64(len(b) - n))
	if err != nil {
		return n, f.of.full(fmt.Errorf("%w: %w; make room in %s, or set TMPDIR to another directory", ErrFull, err, f.of.Dir()))
	}
	return n, nil
}

// Size returns the number of bytes that were written.
func (f *File) Size() int64 { return f.size }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, at int64) (int, error) { return f.file.ReadAt(b, at) }

// Close removes the file. It may be called more than once, by one goroutine at a time.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	if !f.unlinked {
		err = errors.Join(err, os.Remove(f.file.Name()))
	}
	f.file = nil
	f.room().Release(f.size)
	f.count(-1)
	return err
}
