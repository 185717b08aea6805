package robot

import "strings"

func (r *robot) carelessPOP3() error {
	begun := map[string]bool{}
	work := func(w *wire, m mode) bool {
		if _, err := w.line(); err != nil {
			return false
		}
		fine, utf8 := true, false
		do := func(command string, multi bool) bool {
			first := true
			ok := false
			more := func(line string) bool {
				if first {
					first = false
					ok = strings.HasPrefix(line, "+OK")
					return multi && ok
				}
				utf8 = utf8 || line == "UTF8"
				return line != "."
			}
			for range blindRepeats {
				first = true
				if w.send(command) != nil {
					return false
				}
				for {
					line, err := w.line()
					if err != nil {
						return false
					}
					if !more(line) {
						break
					}
				}
				if ok {
					break
				}
			}
			fine = fine && ok
			return true
		}
		if !do("CAPA", true) {
			return false
		}
		if m == bySTARTTLS {
			w.startTLS("STLS", func(string) {}, func(line string) bool { return strings.HasPrefix(line, "+OK") })
		}
		if !do("USER "+r.target.Second, false) || !do("PASS "+r.target.Password, false) {
			return false
		}
		deleted := len(begun) > 0
		for n := range begun { // it has them
			if !do("DELE "+n, false) {
				return false
			}
		}
		for _, command := range []string{"STAT", "LIST", "UIDL"} {
			if !do(command, command != "STAT") {
				return false
			}
		}
		for _, n := range []string{"1", "2"} {
			begun[n] = true
			if !do("RETR "+n, true) {
				return false
			}
			delete(begun, n)
			if !do("TOP "+n+" 1", true) {
				return false
			}
		}
		if utf8 && !do("UTF8", false) {
			return false
		}
		if !deleted && !do("DELE 1", false) {
			return false
		}
		if !do("QUIT", false) {
			return false
		}
		return fine
	}
	r.hurry(995, "pop3", fromTheStart, work)
	r.hurry(110, "pop3", bySTARTTLS, work)
	return nil
}
