package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/check"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// checkText returns the report for people: the doors, the settings, and what is wrong. columns is the width of the
// terminal; 0 means that there is none.
func checkText(r *check.Report, columns int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, checked in %.1f s\n\n", r.Host, r.Seconds)
	checkDoorTable(&b, r, columns)
	checkSettings(&b, r, columns)
	if r.RoundTrip != nil && r.RoundTrip.OK {
		fmt.Fprintf(&b, "\n%s\n", folded("Test message: "+r.RoundTrip.Words, 0, columns))
	}
	checkProblems(&b, r, columns)
	return b.String()
}

func checkDoorTable(w io.Writer, r *check.Report, columns int) {
	moved := slices.ContainsFunc(r.Doors, func(d *check.Door) bool { return !standard(d) })
	login := slices.ContainsFunc(r.Doors, func(d *check.Door) bool { return d.Login != nil })
	head := []string{"DOOR", "SERVICE"}
	if moved {
		head = append(head, "ADDRESS")
	}
	head = append(head, "ANSWER", "ENCRYPTION", "CERTIFICATE", "MECHANISMS")
	if login {
		head = append(head, "LOGIN")
	}
	rows := [][]string{head}
	for _, d := range r.Doors {
		cells := []string{strconv.Itoa(d.Port), d.Service}
		if moved {
			cells = append(cells, d.Address)
		}
		cells = append(cells, answerWords(d), encryptionWords(d), certificateWords(d), mechanismWords(d))
		if login {
			cells = append(cells, loginWords(d))
		}
		for i := range cells {
			if cells[i] == "" {
				cells[i] = "-"
			}
		}
		rows = append(rows, cells)
	}
	writeGrid(w, rows, columns)
}

func standard(d *check.Door) bool { return strings.HasSuffix(d.Address, ":"+strconv.Itoa(d.Port)) }

func answerWords(d *check.Door) string {
	switch d.State {
	case check.StateOpen:
		return strings.ToUpper(d.Speaks)
	case check.StateOtherProtocol, check.StateHTTP:
		return strings.ToUpper(d.Speaks) + "!"
	case check.StateTimeout:
		return "timed out"
	case check.StateSpeaksTLS:
		return "TLS at once!"
	case check.StateSpeaksClear:
		return "no TLS!"
	case check.StateNoAddress:
		return "no address"
	case check.StateBlockedHere:
		return "blocked here"
	case check.StateTLSFailed:
		return "TLS failed"
	default:
		return string(d.State)
	}
}

func encryptionWords(d *check.Door) string {
	tls := ""
	if d.TLS != nil {
		tls = d.TLS.Version
		if d.TLS.Outdated {
			return tls + ", outdated"
		}
	}
	switch {
	case d.Security == "tls" || d.State == check.StateSpeaksTLS:
		return strings.TrimSuffix("SSL/TLS, "+tls, ", ")
	case d.STARTTLS == check.UpgradeDone:
		return "STARTTLS, " + tls
	case d.STARTTLS == check.UpgradeMissing:
		return "none"
	case d.STARTTLS != "":
		return "STARTTLS " + string(d.STARTTLS)
	default:
		return ""
	}
}

func certificateWords(d *check.Door) string {
	switch {
	case d.TLS == nil || d.TLS.Certificate == nil:
		return ""
	case d.TLS.Verified:
		return "good until " + d.TLS.Certificate.NotAfter.Format("2006-01-02")
	default:
		var codes []string
		for _, f := range d.TLS.Faults {
			codes = append(codes, f.Code)
		}
		return strings.Join(codes, ", ")
	}
}

// mechanismWords says which mechanisms may be used in clear, and which inside TLS.
func mechanismWords(d *check.Door) string {
	list := func(c *check.Capabilities) string {
		switch {
		case c == nil:
			return ""
		case len(c.Mechanisms) == 0:
			return "none"
		}
		return strings.Join(c.Mechanisms, " ")
	}
	before, in := list(d.BeforeTLS), list(d.InTLS)
	switch {
	case before == "" || before == in:
		return in
	case in == "":
		return before + " in clear"
	case before == "none":
		return "in TLS: " + in
	default:
		return before + "; in TLS: " + in
	}
}

func loginWords(d *check.Door) string {
	if d.Login == nil {
		return ""
	}
	return string(d.Login.State)
}

func checkSettings(w io.Writer, r *check.Report, columns int) {
	if len(r.Settings) == 0 {
		return
	}
	fmt.Fprintf(w, "\nSettings to type into a client\n\n")
	rows := [][]string{{"", "SERVER", "PORT", "ENCRYPTION", "AUTHENTICATION", "USER NAME"}}
	for _, s := range r.Settings {
		title, user := protocol.Find(all.Protocols(), string(s.Protocol)).Purpose(), s.User
		if s.Alternative {
			title = "  or"
		}
		if user == "" {
			user = "yours, often the whole address"
		}
		rows = append(rows, []string{title, s.Server, strconv.Itoa(s.Port), s.Encryption, s.Authentication, user})
	}
	writeGrid(w, rows, columns)
}

func checkProblems(w io.Writer, r *check.Report, columns int) {
	if r.Good {
		fmt.Fprintf(w, "\nNothing that a client needs is wrong.\n")
	}
	for _, part := range []struct {
		severity check.Severity
		title    string
	}{
		{check.Error, "What is wrong"},
		{check.Warning, "What could be better"},
		{check.Note, "Good to know"},
	} {
		title := "\n" + part.title + "\n"
		for _, p := range r.Problems {
			if p.Severity == part.severity {
				what := portWords(p.Ports) + strings.TrimSuffix(capital(p.What, len(p.Ports) == 0), ".") + "."
				fmt.Fprintf(w, "%s\n%s\n  %s\n", title, folded(what, 0, columns), folded("Try: "+p.Try+".", 2, columns))
				title = ""
			}
		}
	}
}

func portWords(ports []int) string {
	if len(ports) == 0 {
		return ""
	}
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = strconv.Itoa(p)
	}
	name := "Port "
	if len(ports) > 1 {
		name = "Ports "
	}
	return name + strings.Join(words, ", ") + ": "
}

func capital(s string, really bool) string {
	if !really || s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
