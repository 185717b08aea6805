package pop3

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// command is a row of the table of commands.
type command struct {
	in  state // in which states it is allowed
	run func(c *Conn, arg string) error
}

var commands = map[string]command{
	"CAPA": {authorization | transaction, (*Conn).capa},
	"QUIT": {authorization | transaction, (*Conn).quit},
	"USER": {authorization, (*Conn).userCommand},
	"PASS": {authorization, (*Conn).passCommand},
	"APOP": {authorization, (*Conn).apop},
	"AUTH": {authorization, (*Conn).auth},
	"STLS": {authorization, (*Conn).stls},
	"STAT": {transaction, (*Conn).stat},
	"LIST": {transaction, (*Conn).list},
	"UIDL": {transaction, (*Conn).uidl},
	"RETR": {transaction, (*Conn).retr},
	"TOP":  {transaction, (*Conn).top},
	"DELE": {transaction, (*Conn).dele},
	"NOOP": {transaction, (*Conn).noop},
	"RSET": {transaction, (*Conn).rset},
}

// command carries out one line. An error is the reply; see fail.
func (c *Conn) command(line string) error {
	name, arg, _ := strings.Cut(line, " ")
	name = strings.ToUpper(name)
	if name != "PASS" {
		// PASS counts only "immediately after a successful USER" (RFC 1939 section 7).
		c.user, c.gotUser = "", false
		arg = strings.TrimSpace(arg)
	}
	cmd, ok := commands[name]
	if !ok || name == "STLS" && c.server.TLSConfig == nil || name == "APOP" && c.stamp() == "" {
		return &Error{Text: "Unknown command"}
	}
	if cmd.in&c.state == 0 {
		if c.state == authorization {
			return &Error{Text: "Log in first"}
		}
		return &Error{Text: "Already logged in"}
	}
	return cmd.run(c, arg)
}

func noArg(arg string) error {
	if arg != "" {
		return &Error{Text: "This command takes no argument"}
	}
	return nil
}

// enter begins the TRANSACTION state after a login of any kind.
func (c *Conn) enter() error {
	messages, err := c.session.Messages()
	if err != nil {
		// The session is logged in and can't be logged out in another way.
		c.fail(err)
		return errEnd
	}
	c.state = transaction
	c.messages = messages
	c.unmark()
	c.ok("Maildrop has %d messages (%d octets)", c.left, c.leftSize)
	return nil
}

func (c *Conn) unmark() {
	c.deleted = make([]bool, len(c.messages))
	c.left, c.leftSize = len(c.messages), 0
	for _, m := range c.messages {
		c.leftSize += m.Size
	}
}

// number parses a message number. The message must exist and not be marked as deleted.
func (c *Conn) number(arg string) (int, error) {
	n, err := strconv.ParseUint(arg, 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, &Error{Text: "A message number is needed"}
	}
	if err != nil || n == 0 || n > uint64(len(c.messages)) {
		return 0, ErrNoMessage
	}
	if c.deleted[n-1] {
		return 0, &Error{Text: "Message is deleted"}
	}
	return int(n), nil
}

func (c *Conn) stat(arg string) error {
	if err := noArg(arg); err != nil {
		return err
	}
	c.ok("%d %d", c.left, c.leftSize)
	return nil
}

func (c *Conn) list(arg string) error {
	return c.listing(arg, func(m Message) string { return strconv.FormatInt(m.Size, 10) })
}

func (c *Conn) uidl(arg string) error {
	return c.listing(arg, func(m Message) string { return m.UID })
}

// listing handles LIST and UIDL, which differ in only one column.
func (c *Conn) listing(arg string, column func(Message) string) error {
	if arg != "" {
		n, err := c.number(arg)
		if err != nil {
			return err
		}
		c.ok("%d %s", n, column(c.messages[n-1]))
		return nil
	}
	c.ok("%d messages (%d octets)", c.left, c.leftSize)
	c.lines(func(w io.Writer) {
		for i, m := range c.messages {
			if !c.deleted[i] {
				fmt.Fprintf(w, "%d %s\r\n", i+1, column(m))
			}
		}
	})
	return nil
}

func (c *Conn) retr(arg string) error {
	n, err := c.number(arg)
	if err != nil {
		return err
	}
	return c.send(n, fmt.Sprintf("%d octets", c.messages[n-1].Size), -1)
}

func (c *Conn) top(arg string) error {
	args := strings.Fields(arg)
	if len(args) != 2 {
		return &Error{Text: "TOP takes a message number and a number of lines"}
	}
	n, err := c.number(args[0])
	if err != nil {
		return err
	}
	lines, err := strconv.ParseUint(args[1], 10, 31)
	if err != nil {
		return &Error{Text: "The number of lines must be 0 or more"}
	}
	return c.send(n, "Top of message follows", int(lines))
}

// send streams a message, or its top if lines >= 0.
func (c *Conn) send(n int, text string, lines int) error {
	r, err := c.session.Open(n)
	if err != nil {
		return err
	}
	defer r.Close()
	c.ok("%s", text)
	c.multiline = true // stays so if the copy fails: only closing tells the client
	w := &dotWriter{w: c.bw, bareLF: c.server.StuffBareLF}
	var dst io.Writer = w
	if lines >= 0 {
		dst = &topWriter{w: w, lines: lines}
	}
	if _, err := io.Copy(dst, r); err != nil && !errors.Is(err, errTopDone) {
		if c.writeErr == nil {
			c.log("message can't be read to its end", err)
		}
		return errEnd
	}
	if err := w.finish(); err != nil {
		return errEnd
	}
	c.multiline = false
	return nil
}

func (c *Conn) dele(arg string) error {
	n, err := c.number(arg)
	if err != nil {
		return err
	}
	if err := c.session.Delete(n); err != nil {
		return err
	}
	c.deleted[n-1] = true
	c.left--
	c.leftSize -= c.messages[n-1].Size
	c.ok("Message %d deleted", n)
	return nil
}

func (c *Conn) noop(arg string) error {
	if err := noArg(arg); err != nil {
		return err
	}
	c.ok("")
	return nil
}

func (c *Conn) rset(arg string) error {
	if err := noArg(arg); err != nil {
		return err
	}
	c.unmark()
	return c.stat("")
}

// quit goes through the UPDATE state if there was a login (RFC 1939 section 6).
func (c *Conn) quit(arg string) error {
	if err := noArg(arg); err != nil {
		return err
	}
	var err error
	if c.state == transaction {
		var deleted []int
		for i, d := range c.deleted {
			if d {
				deleted = append(deleted, i+1)
			}
		}
		err = c.session.Update(deleted)
	}
	c.logout() // the lock first, then the reply: "releases any exclusive-access lock"
	if err != nil {
		c.fail(err)
	} else {
		c.ok("Bye")
	}
	return errEnd
}
