package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"
)

// exchange plays a dialogue in clear: what the server must say first, then pairs of a line to send and the beginning of
// its reply's last line. It returns an error instead of failing, so that it can run outside the test's own goroutine.
func (r *rig) exchange(door int, greeting string, pairs ...[2]string) error {
	conn, err := net.DialTimeout("tcp", r.door(door).Address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	for _, p := range append([][2]string{{"", greeting}}, pairs...) {
		if p[0] != "" {
			if _, err := conn.Write([]byte(p[0] + "\r\n")); err != nil {
				return fmt.Errorf("%s: %w", p[0], err)
			}
		}
		for {
			l, err := in.ReadString('\n')
			if err != nil {
				return fmt.Errorf("%s: reading the reply: %w", p[0], err)
			}
			if strings.HasPrefix(l, p[1]) {
				break
			}
			if len(l) < 4 || l[3] != '-' {
				return fmt.Errorf("%s: got %q, want %s", p[0], l, p[1])
			}
		}
	}
	return nil
}

func (r *rig) sendQuick(door int, to string) error {
	return r.exchange(door, "220 ", [2]string{"EHLO c.example.test", "250 "}, [2]string{"MAIL FROM:<bob@example.test>", "250 "},
		[2]string{"RCPT TO:<" + to + ">", "250 "}, [2]string{"DATA", "354 "}, [2]string{"Subject: quick\r\n\r\nx\r\n.", "250 "}, [2]string{"QUIT", "221 "})
}

func (r *rig) popQuick(door int) error {
	return r.exchange(door, "+OK", [2]string{"USER pop", "+OK"}, [2]string{"PASS secret", "+OK"}, [2]string{"QUIT", "+OK"})
}
