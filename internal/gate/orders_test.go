package gate_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/spool"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
)

var (
	orders    = flag.Int("orders", 250, "how many random orders of SMTP commands to try")
	orderSeed = flag.Uint64("order-seed", 0, "the seed of the first one")
)

// TestOrders sends SMTP commands in random orders, and compares what mailrig answers and stores with a model of the RFCs.
// A message that was acknowledged is in exactly its mailboxes, byte for byte, and nothing else is.
func TestOrders(t *testing.T) {
	t.Parallel()
	n := uint64(*orders)
	if testing.Short() {
		n /= 5
	}
	for seed := *orderSeed; seed < *orderSeed+n; seed++ {
		rnd := rand.New(rand.NewPCG(seed, 0))
		left := 20 + rnd.IntN(300) // choices: about a quarter as many commands
		ok := t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			playOrder(t, func(n int) (int, bool) { left--; return rnd.IntN(n), left > 0 })
		})
		if !ok {
			t.Fatalf("to play only this one: go test ./internal/gate -run TestOrders -orders 1 -order-seed %d", seed)
		}
	}
}

// FuzzOrders does the same with orders that the fuzzer finds.
func FuzzOrders(f *testing.F) {
	for _, s := range []string{"", "000123456789", "\x00\x01\x03\x05\x07\x09\x0b\x0d\x0f\x11\x13\x15\x17\x19", strings.Repeat("\x01\x02\x04\x06\x08", 20)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1000 {
			t.Skip("long enough")
		}
		playOrder(t, func(n int) (int, bool) {
			if len(in) == 0 {
				return 0, false
			}
			c := int(in[0]) % n
			in = in[1:]
			return c, len(in) > 0
		})
	})
}

// breakable is a store that may refuse to deliver.
type breakable struct {
	store.Store
	broken atomic.Bool
}

func (b *breakable) Deliver(ctx context.Context, to []string, in store.Incoming) ([]store.Delivery, error) {
	if b.broken.Load() {
		return nil, errors.New("the disk is on fire")
	}
	return b.Store.Deliver(ctx, to, in)
}

// arriving is all the memory that messages have while they arrive, in bytes.
const arriving = 1 << 20

// order is a client that plays one order of commands.
type order struct {
	*rig
	model
	disk   *breakable
	memory *budget.Share
	choose func(n int) (choice int, more bool)
	batch  strings.Builder // what hasn't been sent yet
	due    []due           // the replies that haven't been read yet
	serial int
}

// due is a reply that must come.
type due struct {
	command string
	codes   []int
}

func playOrder(t *testing.T, choose func(int) (int, bool)) {
	o := &order{choose: choose, disk: &breakable{Store: memory.New(memory.Options{MaxMessageBytes: 1 << 20})}}
	o.limit, o.boxes = 400, map[string][]mail{}
	o.memory = budget.New(arriving).Share(0)
	room := spool.Room{Memory: o.memory, Files: budget.NewFiles("", 1, 0)}
	door := options{protocol: "smtp", store: o.disk, maxBytes: o.limit, spool: room}
	switch n, _ := choose(3); n {
	case 0:
		door.port = 25
	case 1:
		door.port, o.needsTLS, o.needsLogin = 587, true, true
	case 2:
		door.port, door.tls, o.tls, o.needsLogin = 465, true, true, true
	}
	o.rig = newRig(t, door)
	o.conn.SetDeadline(time.Now().Add(hang))
	if door.tls {
		if err := o.rig.startTLS(); err != nil {
			t.Fatal(err)
		}
	}
	o.due = []due{{"(greeting)", []int{220}}}
	if n, _ := choose(4); n > 0 {
		o.open()
	}
	for more := true; more && !o.closed; {
		var n int
		n, more = choose(len(commands))
		commands[n](o)
	}
	o.flush()
	o.compare()
}

// pick chooses one of these.
func pick[T any](o *order, from ...T) T {
	n, _ := o.choose(len(from))
	return from[n]
}

// send sends a command whose reply must have one of these codes. It may wait for further ones (RFC 2920).
func (o *order) send(command string, codes []int) {
	o.batch.WriteString(command)
	o.due = append(o.due, due{command, codes})
	if o.closed {
		o.due = append(o.due, due{"(closing)", []int{421}})
	}
	if n, _ := o.choose(3); n > 0 {
		o.flush()
	}
}

// flush sends what hasn't been sent yet, and reads all replies.
func (o *order) flush() {
	o.t.Helper()
	if _, err := o.conn.Write([]byte(o.batch.String())); err != nil {
		o.t.Fatal(err)
	}
	o.batch.Reset()
	for _, d := range o.due {
		reply, code := o.reply()
		if !slices.Contains(d.codes, code) {
			o.t.Fatalf("%.200q got %q, want one of %d", d.command, reply, d.codes)
		}
	}
	o.due = nil
}

func (o *order) reply() (reply string, code int) {
	for {
		line, err := o.br.ReadString('\n')
		if err != nil {
			o.t.Fatalf("after %q: %v", reply, err)
		}
		reply += line
		if len(line) < 6 || line[3] != '-' {
			code, _ = strconv.Atoi(line[:min(3, len(line))])
			return reply, code
		}
	}
}

// commands are what an order is made of. One that occurs twice comes more often.
var commands = []func(*order){
	(*order).sayHello, (*order).sayHello, (*order).sayMail, (*order).sayMail, (*order).sayRcpt, (*order).sayRcpt, (*order).sayRcpt,
	(*order).sayTransaction, (*order).sayTransaction, (*order).sayTransaction,
	(*order).sayData, (*order).sayData, (*order).sayBDAT, (*order).sayBDAT, (*order).sayBDAT, (*order).sayAuth, (*order).sayAuth, (*order).sayOther,
	(*order).saySTARTTLS, (*order).sayRSET, (*order).breakDisk, (*order).fill,
}

func (o *order) sayHello() {
	verb, name := pick(o, "EHLO", "HELO", "ehlo"), pick(o, "c.example", "[127.0.0.1]", "c.example", "")
	o.send(strings.TrimRight(verb+" "+name, " ")+"\r\n", o.hello(name))
}

func (o *order) sayMail() {
	o.sayMailOf(pick(o,
		address{arg: "<a@example.test>", address: "a@example.test"},
		address{arg: "<>"},
		address{arg: `<"john \"doe"@example.test> SIZE=400`, address: `"john \"doe"@example.test`},
		address{arg: "<a@example.test> BODY=BINARYMIME", address: "a@example.test", binary: true},
		address{arg: "<a@example.test> SIZE=00 BODY=8BITMIME SMTPUTF8", address: "a@example.test"},
		address{arg: "<a@example.test> SIZE=401", size: 401},
		address{arg: "<a@example.test> SIZE=18446744073709551617", size: 1 << 62},
		address{arg: "<a@example.test> SIZE=018446744073709551617", wrong: 501},
		address{arg: "<a@example.test> RET=FULL", wrong: 555},
		address{arg: "<a\x00@example.test>", wrong: 501},
		address{arg: "<reply+550@example.test>", wrong: 550, refused: true},
	))
}

func (o *order) sayMailOf(a address) { o.send("MAIL FROM:"+a.arg+"\r\n", o.mail(a)) }

func (o *order) sayRcpt() {
	o.sayRcptOf(pick(o,
		address{arg: "<x@example.test>", box: "x@example.test"},
		address{arg: "<y@EXAMPLE.test>", box: "y@example.test"},
		address{arg: `<"x"@example.test>`, box: "x@example.test"},
		address{arg: `<"x y"@example.test>`, box: `"x y"@example.test`},
		address{arg: "<Postmaster>", box: "Postmaster@example.test"},
		address{arg: "<reply+451+4.7.1@example.test>", wrong: 451, refused: true},
		address{arg: "<x@example.test> NOTIFY=NEVER", wrong: 555},
		address{arg: "<x\rdata@example.test>", wrong: 501},
		address{arg: "<>", wrong: 501},
	))
}

func (o *order) sayRcptOf(a address) { o.send("RCPT TO:"+a.arg+"\r\n", o.rcpt(a)) }

// open says what a client says before it sends mail.
func (o *order) open() {
	o.send("EHLO c.example\r\n", o.hello("c.example"))
	if o.needsTLS {
		o.secure("")
		o.send("EHLO c.example\r\n", o.hello("c.example"))
	}
	if o.needsLogin {
		o.send("AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", o.auth("PLAIN", true))
	}
}

// sayTransaction makes messages that are accepted frequent.
func (o *order) sayTransaction() {
	if o.begun {
		o.sayRSET()
	}
	o.sayMailOf(address{arg: "<b@example.test>", address: "b@example.test"})
	o.sayRcptOf(address{arg: "<x@example.test>", box: "x@example.test"})
	pick(o, (*order).sayData, (*order).sayBDAT, (*order).sayRcpt, (*order).sayHello)(o)
}

// text makes up a message, or a part of one.
func (o *order) text() string {
	o.serial++
	begin := fmt.Sprintf("Subject: %d\r\n", o.serial)
	return begin + pick(o, "\r\nhello\r\n", "", ".\r\n..\r\n.x\r\n", "\r\r\n", strings.Repeat("x", 200)+"\r\n", strings.Repeat("y", 500)+"\r\n")
}

func (o *order) sayData() {
	arg := pick(o, "", "", "", "", "x")
	codes := o.dataCommand(arg)
	o.send(strings.TrimRight("DATA "+arg, " ")+"\r\n", codes)
	if codes[0] != 354 {
		return
	}
	o.flush()
	text := o.text()
	stuffed := strings.ReplaceAll("\n"+text, "\n.", "\n..")[1:]
	o.send(stuffed+".\r\n", o.message(text))
}

func (o *order) sayBDAT() {
	chunk := pick(o, o.text(), o.text(), "", "QUIT\r\n", "no line end", strings.Repeat("z", 401))
	last, wrong := pick(o, false, true), pick(o, false, false, false, false, false, true)
	line := fmt.Sprintf("BDAT %d", len(chunk))
	switch {
	case wrong:
		line += " FIRST"
	case last:
		line += " LAST"
	}
	o.send(line+"\r\n"+chunk, o.bdat(chunk, last, wrong))
}

func (o *order) sayAuth() {
	o.flush()
	mechanism, right := pick(o, "PLAIN", "PLAIN", "FOO", ""), pick(o, true, false)
	response := map[bool]string{true: "AGFsaWNlAHNlY3JldA==", false: "AGFsaWNlAHdyb25n"}[right]
	probe := o.model
	switch asked := slices.Contains([]int{235, 535}, probe.auth(mechanism, right)[0]); {
	case mechanism == "":
		o.send("AUTH\r\n", o.auth("", right))
	case asked && pick(o, true, false): // the response follows in a line of its own
		o.send("AUTH PLAIN\r\n", []int{334})
		o.flush()
		if pick(o, false, true) {
			o.send("*\r\n", []int{501})
			return
		}
		o.send(response+"\r\n", o.auth(mechanism, right))
	default:
		o.send("AUTH "+mechanism+" "+response+"\r\n", o.auth(mechanism, right))
	}
}

func (o *order) sayRSET() {
	o.reset()
	o.send(pick(o, "RSET\r\n", "rset \r\n"), []int{250})
}

func (o *order) saySTARTTLS() { o.secure(pick(o, "", "", "", "now")) }

func (o *order) secure(arg string) {
	o.flush()
	codes := o.starttls(arg)
	o.send(strings.TrimRight("STARTTLS "+arg, " ")+"\r\n", codes)
	o.flush()
	if codes[0] != 220 {
		return
	}
	if err := o.rig.startTLS(); err != nil {
		o.t.Fatal(err)
	}
	o.secured()
}

func (o *order) sayOther() {
	switch pick(o, 0, 1, 2, 3, 4, 5, 6) {
	case 0:
		o.send("NOOP\r\n", []int{250})
	case 1:
		o.send("VRFY x\r\n", []int{252})
	case 2:
		o.send("HELP\r\n", []int{502})
	case 3:
		o.send("NOOP "+strings.Repeat("x", 13000)+"\r\n", []int{500})
	case 4, 5:
		o.send(pick(o, "FOO\r\n", "STARTTLSX\r\n", "\r\n", "X\r\n", "MAILFROM:<x>\r\n", " NOOP\r\n"), o.unknown())
	case 6:
		if n, _ := o.choose(8); n == 0 {
			o.send("QUIT\r\n", []int{221})
			o.flush()
			o.closed = true
		}
	}
}

// breakDisk makes the store refuse messages, or accept them again.
func (o *order) breakDisk() {
	o.flush()
	o.broken = !o.broken && pick(o, true, false)
	o.disk.broken.Store(o.broken)
}

// fill takes all memory, or gives it back. A message that has begun to come may have some already, so it is left alone.
func (o *order) fill() {
	o.flush()
	if o.chunking {
		return
	}
	if was := o.full; !was && pick(o, true, false) {
		o.memory.Take(arriving)
		o.full = true
	} else if was {
		o.memory.Release(arriving)
		o.full = false
	}
}

// compare compares the mailboxes with the model's.
func (o *order) compare() {
	o.t.Helper()
	ctx := context.WithoutCancel(o.t.Context())
	accounts, err := o.store.ListAccounts(ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, name := range keys(o.boxes) {
		if !slices.Contains(accounts, name) {
			o.t.Errorf("%s has no account and should have mail: %+v", name, o.boxes[name])
		}
	}
	for _, account := range accounts {
		got := o.inbox(ctx, account)
		if !slices.Equal(got, o.boxes[account]) {
			o.t.Errorf("%s has\n%q\nwant\n%q", account, got, o.boxes[account])
		}
	}
}

func (o *order) inbox(ctx context.Context, account string) (got []mail) {
	box, err := o.store.Mailbox(ctx, account, store.Inbox)
	if err != nil {
		o.t.Fatal(err)
	}
	entries, err := o.store.Entries(ctx, box.ID, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := store.ReadAll(ctx, e.Message)
		if err != nil {
			o.t.Fatal(err)
		}
		got = append(got, untraced(o.t, raw))
	}
	return got
}

// untraced takes the trace header fields away: Return-Path, and Received with its folded lines.
func untraced(t testing.TB, raw []byte) (m mail) {
	r := bufio.NewReader(strings.NewReader(string(raw)))
	line, _ := r.ReadString('\n')
	from, begins := strings.CutPrefix(line, "Return-Path: <")
	from, ends := strings.CutSuffix(from, ">\r\n")
	if m.from = from; !begins || !ends {
		t.Errorf("%q begins with no Return-Path", raw)
	}
	rest := string(raw[len(line):])
	for strings.HasPrefix(rest, "Received: ") || strings.HasPrefix(rest, "\t") {
		_, rest, _ = strings.Cut(rest, "\r\n")
	}
	m.data = rest
	return m
}
