package gate

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// BDAT (RFC 3030). The engine delivers from a goroutine that may outlive the
// transaction when a transfer is given up between two chunks, and then spoils the
// next one. So the gate keeps the chunks itself and gives the engine the whole
// message as one last chunk: for the engine no transfer is ever open.

// bdat takes a BDAT command.
func (d *smtp) bdat(line, arg []byte) error {
	g := d.g
	n, ok := chunkSize(arg)
	if !ok { // how much follows can't be known: nothing after it could be trusted
		g.farewell([]byte("501 5.5.4 BDAT needs a size, and may have LAST after it; closing\r\n"), transcript.EndedByServer)
		return io.EOF
	}
	if n < 0 { // the engine wouldn't read the chunk and take it for commands
		if err := g.say([]byte("501 5.5.4 BDAT may only have LAST after its size\r\n"), ""); err != nil {
			return err
		}
		return d.farewellIf(g.swallow(-n-1, smtpIdle, false))
	}
	g.wmu.Lock()
	ready := d.ready
	g.wmu.Unlock()
	if !ready { // the engine refuses, and reads the chunk
		d.mode, d.chunk = smtpChunk, n
		if n == 0 {
			d.mode = smtpCommand
		}
		d.lastChunk = false
		d.c.pending = line
		return nil
	}
	if d.spool == nil {
		d.taken, d.fate = 0, g.fault.Cut(fault.InUpload)
		d.spool = []byte{}
	}
	if max := g.maxBytes(); max > 0 && int64(len(d.spool))+n > max {
		d.spool = nil
		if err := g.say([]byte("552 5.3.4 Message size exceeds fixed maximum message size\r\n"), ""); err != nil {
			return err
		}
		if err := g.swallow(n, smtpIdle, false); err != nil {
			return d.farewell(err)
		}
		d.c.pending = []byte("RSET\r\n") // RFC 3030 section 2: the transaction is over
		d.quiet()
		return nil
	}
	if !isLast(arg) {
		g.wmu.Lock()
		d.c.instead = nil // it is the message's reply that is replaced
		g.wmu.Unlock()
		return d.keepChunk(n)
	}
	d.lastChunk = true
	d.chunk = n
	total := int64(len(d.spool)) + n
	d.c.pending = fmt.Appendf(nil, "BDAT %d LAST\r\n%s", total, d.spool)
	d.spool = nil
	d.mode = smtpChunk
	if n == 0 {
		d.mode = smtpCommand
		if !d.received() {
			return io.EOF
		}
	}
	return nil
}

// keepChunk reads a chunk that isn't the last.
func (d *smtp) keepChunk(n int64) error {
	g := d.g
	for size := n; n > 0; {
		if err := g.fill(smtpIdle); err != nil {
			return d.farewell(err)
		}
		k := int(min(n, int64(g.br.Buffered())))
		b, _ := g.br.Peek(k)
		if d.fate.End != fault.EndNone && d.taken+int64(k) > d.fate.After {
			g.cut(d.fate.End, d.fate.By)
			return io.EOF
		}
		g.rec.Said(transcript.FromClient, transcript.Data, b, "")
		d.spool = append(d.spool, b...)
		g.br.Discard(k)
		d.taken += int64(k)
		if n -= int64(k); n == 0 {
			return g.say(fmt.Appendf(nil, "250 2.0.0 %d octets received\r\n", size), "")
		}
	}
	return g.say([]byte("250 2.0.0 0 octets received\r\n"), "")
}

// quiet keeps the engine's next reply from the client.
func (d *smtp) quiet() {
	d.g.wmu.Lock()
	d.hush = true
	d.verb = "RSET"
	d.g.wmu.Unlock()
}

// chunkSize reads BDAT's argument. ok is false when there is no size. A size
// with something else than LAST behind it is returned as -size-1.
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

// skipChunk reads the chunk behind a BDAT that has been answered already. Where its
// size can't be told, nothing behind it could be trusted.
func (d *smtp) skipChunk(arg []byte) error {
	n, ok := chunkSize(arg)
	if !ok {
		d.g.farewell(nil, transcript.EndedByServer)
		return io.EOF
	}
	if n < 0 {
		n = -n - 1
	}
	return d.farewellIf(d.g.swallow(n, smtpIdle, false))
}

func (d *smtp) readChunk(p []byte) (int, error) {
	if d.fate.End != fault.EndNone {
		left := max(0, d.fate.After-d.taken)
		p = p[:min(int64(len(p)), left+1)]
	}
	// The engine would take io.EOF for the end of the chunk, and deliver half a message.
	n, err := d.g.rawBytes(p, d.chunk, smtpIdle)
	if err != nil {
		_ = d.farewell(err)
		return 0, io.ErrUnexpectedEOF
	}
	if d.cutShort(int64(n)) {
		return 0, io.ErrUnexpectedEOF
	}
	d.g.rec.Said(transcript.FromClient, transcript.Data, p[:n], "")
	if d.chunk -= int64(n); d.chunk == 0 {
		d.mode = smtpCommand
		if d.lastChunk && !d.received() {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return n, nil
}
