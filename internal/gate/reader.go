package gate

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"sync"
	"syscall"
)

// reader buffers what the client sends. It has a buffer only while there is something in it, so that thousands of
// clients that say nothing take none. While a message comes, the buffer is larger.
//
// Its methods are like those of bufio.Reader. What they return is valid until the next call that reads.
type reader struct {
	from  io.Reader
	large bool // a message is coming

	buf  *buffer // nil: nothing is buffered
	r, w int     // what is buffered: buf.b[r:w]
	err  error   // what Await has met; the next read returns it

	// How to read from a socket without a buffer to wait with; nil if there is no socket, or TLS on it.
	tap *tap
	raw syscall.RawConn
	try func(fd uintptr) bool
	got struct { // what try has read
		n   int
		err error
	}
	one [1]byte
}

// buffer is memory that readers use one after another.
type buffer struct{ b []byte }

var (
	smallBuffers = sync.Pool{New: func() any { return &buffer{make([]byte, bufferSize)} }}
	largeBuffers = sync.Pool{New: func() any { return &buffer{make([]byte, uploadSize)} }}
)

// Reset discards what is buffered and reads from another source.
func (r *reader) Reset(from io.Reader) {
	r.release()
	r.from, r.tap, r.raw = from, nil, nil
	if t, ok := from.(*tap); ok && canTry {
		if c, ok := t.Conn.(syscall.Conn); ok {
			if raw, err := c.SyscallConn(); err == nil {
				r.tap, r.raw, r.try = t, raw, r.tryRead
			}
		}
	}
}

// Buffered returns the number of bytes that are buffered.
func (r *reader) Buffered() int { return r.w - r.r }

// Size returns how many bytes can be buffered.
func (r *reader) Size() int {
	if r.buf == nil {
		return bufferSize
	}
	return len(r.buf.b)
}

// Peek returns the next n bytes without taking them. If there are fewer, err says why.
func (r *reader) Peek(n int) ([]byte, error) {
	for r.Buffered() < n {
		if r.Buffered() == r.Size() {
			return r.buffered(), bufio.ErrBufferFull
		}
		if err := r.fill(); err != nil {
			return r.buffered(), err
		}
	}
	if n == 0 {
		return nil, nil
	}
	return r.buf.b[r.r : r.r+n], nil
}

func (r *reader) buffered() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf.b[r.r:r.w]
}

// ReadSlice returns the bytes up to and with the first c. If the buffer is full before, the error is bufio.ErrBufferFull.
// With any error it returns what is buffered.
func (r *reader) ReadSlice(c byte) (line []byte, err error) {
	for looked := 0; ; {
		b := r.buffered()
		if i := bytes.IndexByte(b[looked:], c); i >= 0 {
			line = b[:looked+i+1]
			break
		}
		if looked = len(b); looked == r.Size() {
			line, err = b, bufio.ErrBufferFull
			break
		}
		if err = r.fill(); err != nil {
			line = r.buffered()
			break
		}
	}
	r.r += len(line)
	return line, err
}

// Discard takes n bytes that are buffered.
func (r *reader) Discard(n int) { r.r += min(n, r.Buffered()) }

// Read implements io.Reader. If nothing is buffered, it reads at most once.
func (r *reader) Read(p []byte) (int, error) {
	if r.Buffered() == 0 {
		if len(p) >= bufferSize {
			r.release()
			return r.from.Read(p)
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buffered())
	r.r += n
	return n, nil
}

// Await waits until something is buffered, or reading fails. The next call that reads returns the error.
func (r *reader) Await() {
	if r.Buffered() == 0 && r.err == nil {
		r.err = r.fill()
	}
}

// Try reads what has come, without waiting, and reports whether something is buffered. Where a socket can't be asked, and
// inside TLS, it reads nothing. The next call that reads returns an error.
func (r *reader) Try() bool {
	if r.Buffered() > 0 || r.raw == nil || r.err != nil {
		return r.Buffered() > 0
	}
	r.r, r.w = 0, 0
	r.got.n, r.got.err = 0, nil
	look := func(fd uintptr) bool {
		r.tryRead(fd)
		return true
	}
	if err := r.raw.Read(look); err != nil {
		return false // closed, or past its deadline: the next read will say so
	}
	r.err = r.took()
	return r.Buffered() > 0
}

// took counts what tryRead has read, and returns its error.
func (r *reader) took() error {
	n, err := r.got.n, r.got.err
	if n > 0 || err != nil {
		r.tap.hasRead(r.buf.b[r.w:r.w+n], err)
		r.w += n
	}
	return err
}

// fill reads at least one byte into the buffer, which has room for it.
func (r *reader) fill() error {
	if err := r.err; err != nil {
		r.err = nil
		return err
	}
	if r.Buffered() == 0 {
		if r.r, r.w = 0, 0; r.buf != nil && r.wantsLarge() != (len(r.buf.b) == uploadSize) {
			r.release()
		}
	} else if !r.shrink() && r.r > 0 {
		copy(r.buf.b, r.buf.b[r.r:r.w])
		r.r, r.w = 0, r.w-r.r
	}
	if r.raw != nil {
		return r.fillRaw()
	}
	if _, secure := r.from.(*tls.Conn); secure && r.Buffered() == 0 && !r.large {
		// crypto/tls holds the rest of the record. So nothing is needed to wait with.
		r.release()
		n, err := r.from.Read(r.one[:])
		if n > 0 {
			r.take()
			r.buf.b[0], r.w = r.one[0], 1
			return nil
		}
		return err
	}
	r.take()
	for range maxEmptyReads {
		n, err := r.from.Read(r.buf.b[r.w:])
		if r.w += n; n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// shrink replaces a large buffer once the message is over: the beginning of a command must not keep it.
func (r *reader) shrink() bool {
	if r.wantsLarge() || len(r.buf.b) != uploadSize || r.Buffered() >= bufferSize {
		return false
	}
	small := smallBuffers.Get().(*buffer)
	n := copy(small.b, r.buffered())
	r.release()
	r.buf, r.w = small, n
	return true
}

// maxEmptyReads is how often a source may return nothing at all.
const maxEmptyReads = 100

// fillRaw is fill for a socket.
func (r *reader) fillRaw() error {
	r.got.n, r.got.err = 0, nil
	if err := r.raw.Read(r.try); err != nil { // the deadline, or closed
		r.tap.hasRead(nil, err)
		return err
	}
	return r.took()
}

// tryRead reads from the socket if something has come. If nothing has, it gives an empty buffer back and reports false.
func (r *reader) tryRead(fd uintptr) bool {
	r.take()
	n, err, again := readSocket(fd, r.buf.b[r.w:])
	if again {
		if r.w == 0 {
			r.release()
		}
		return false
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	r.got.n, r.got.err = n, err
	return true
}

// wantsLarge reports whether the next buffer is a large one. With TLS it would be held while nothing comes, and
// crypto/tls reads whole records anyway.
func (r *reader) wantsLarge() bool { return r.large && r.raw != nil }

// take makes sure that there is a buffer.
func (r *reader) take() {
	if r.buf != nil {
		return
	}
	if r.wantsLarge() {
		r.buf = largeBuffers.Get().(*buffer)
	} else {
		r.buf = smallBuffers.Get().(*buffer)
	}
}

// release discards what is buffered and gives the buffer back.
func (r *reader) release() {
	if r.buf != nil {
		if len(r.buf.b) == uploadSize {
			largeBuffers.Put(r.buf)
		} else {
			smallBuffers.Put(r.buf)
		}
	}
	r.buf, r.r, r.w = nil, 0, 0
}
