package smtp

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/mailrig/mailrig/internal/event"
)

// BDAT (RFC 3030). The engine delivers from a goroutine. If the client gives up a transfer between two chunks, that
// goroutine may outlive the transaction and spoil the next one. So the framing keeps the chunks and gives the engine
// the whole message as one last chunk. The engine never has an open transfer.

// bdat handles a BDAT command.
func (f *framing) bdat(arg []byte) error {
	n, ok := chunkSize(arg)
	if !ok { // unknown size: nothing after it can be trusted
		return f.p.Close([]byte("501 5.5.4 BDAT needs a size, and may have LAST after it; closing\r\n"))
	}
	if n < 0 { // the unread chunk would be taken for commands
		return f.refuse(-n-1, "501 5.5.4 BDAT may only have LAST after its size")
	}
	if at := f.now(); at < ready { // what has been said of the transaction still holds
		return f.refuse(n, noRecipient(at))
	}
	if f.spool == nil {
		f.p.BeginUpload(false)
		f.spool = f.p.Spool(n)
	}
	whole := f.spool.Size() + n
	if limit := f.p.MaxBytes(); limit > 0 && whole > limit {
		f.p.TooLarge()
		return f.refuse(n, tooLarge)
	}
	if !isLast(arg) {
		f.p.Lock()
		f.p.NotReplaced() // the replacement is for the message's reply, not this one
		f.p.Unlock()
		return f.keepChunk(n)
	}
	f.lastChunk, f.chunk, f.mode = true, n, chunk
	f.p.Pass(fmt.Appendf(nil, "BDAT %d LAST\r\n", whole))
	if whole > n {
		var err error
		if f.replay, err = f.spool.Reader(); err != nil {
			return f.p.Close([]byte("451 4.3.0 The message is lost, try again later; closing\r\n"))
		}
	} else {
		f.dropSpool()
	}
	if n == 0 {
		if f.replay == nil {
			f.mode = command
		}
		f.received(event.Lines{})
	}
	return nil
}

// dropSpool ends a BDAT transfer that is open.
func (f *framing) dropSpool() {
	if f.spool != nil {
		_ = f.spool.Close() // the gate's own, and out of use
		f.spool, f.replay = nil, nil
	}
}

const (
	tooLarge = "552 5.3.4 Message size exceeds fixed maximum message size"
	noRoom   = "452 4.3.1 Insufficient system storage"
)

// refuse refuses a chunk of which n bytes are still to come. If the message had begun, it is lost with the chunk, so the
// transaction ends (RFC 3030 section 2).
func (f *framing) refuse(n int64, reply string) error {
	f.dropSpool()
	f.p.GiveUpUpload()
	if err := f.reply(reply); err != nil {
		return err
	}
	if err := f.p.Swallow(n, false); err != nil {
		return err
	}
	if f.now() == ready {
		f.forget()
	}
	return nil
}

// keepChunk reads a chunk that isn't the last one.
func (f *framing) keepChunk(n int64) error {
	var piece [4 << 10]byte
	for left := n; left > 0; {
		k, err := f.p.Upload(piece[:], left, false)
		if err != nil {
			return err
		}
		left -= int64(k)
		if _, err := f.spool.Write(piece[:k]); err != nil { // temporary, whatever the cause
			return f.refuse(left, noRoom)
		}
	}
	return f.reply(fmt.Sprintf("250 2.0.0 %d octets received", n))
}

// chunkSize parses BDAT's argument. ok is false if there is no size. If the size is followed by anything but LAST,
// chunkSize returns -size-1.
func chunkSize(arg []byte) (n int64, ok bool) {
	f := bytes.Fields(arg)
	if len(f) == 0 {
		return 0, false
	}
	u, err := strconv.ParseUint(string(f[0]), 10, 32)
	if err != nil {
		return 0, false
	}
	n = int64(u)
	if len(f) > 2 || (len(f) == 2 && !bytes.EqualFold(f[1], []byte("LAST"))) {
		return -n - 1, true
	}
	return n, true
}

func isLast(arg []byte) bool {
	f := bytes.Fields(arg)
	return len(f) == 2 && bytes.EqualFold(f[1], []byte("LAST"))
}

// settleChunk reads the chunk after a BDAT that a scenario has answered. If the size is unknown, nothing after it can be
// trusted, so it closes. A message that has lost a chunk, or had its last one, is over.
func (f *framing) settleChunk(arg []byte, positive bool) error {
	n, ok := chunkSize(arg)
	if !ok {
		return f.p.Close(nil)
	}
	if n < 0 {
		n = -n - 1
	}
	if err := f.p.Swallow(n, false); err != nil {
		return err
	}
	if f.now() == ready && (!positive || isLast(arg)) {
		f.dropSpool()
		f.p.GiveUpUpload()
		f.forget()
	}
	return nil
}

func (f *framing) readChunk(b []byte) (int, error) {
	if f.replay != nil {
		n, err := f.replay.Read(b)
		switch {
		case err == io.EOF:
			f.dropSpool()
			if f.chunk == 0 {
				f.mode = command
			}
		case err != nil:
			return 0, io.ErrUnexpectedEOF
		}
		return n, nil
	}
	n, err := f.p.Upload(b, f.chunk, false)
	if err != nil {
		// The engine would take io.EOF for the end of the chunk, and deliver half a message.
		return 0, io.ErrUnexpectedEOF
	}
	if f.chunk -= int64(n); f.chunk == 0 {
		f.mode = command
		if f.lastChunk {
			f.received(event.Lines{})
		}
	}
	return n, nil
}
