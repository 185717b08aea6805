package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mailrig/mailrig/server"
)

// mailpitVariables are Mailpit's variables that mean something here, with --mailpit.
var mailpitVariables = []string{
	"MP_SMTP_BIND_ADDR", "MP_UI_BIND_ADDR", "MP_SMTP_AUTH", "MP_SMTP_AUTH_FILE", "MP_SMTP_AUTH_ACCEPT_ANY", "MP_SMTP_AUTH_ALLOW_INSECURE",
	"MP_MAX_MESSAGES", "MP_ENABLE_CHAOS", "MP_VERBOSE",
}

// asMailpit makes a rig take Mailpit's place. It gives flags that aren't set the values of Mailpit's variables, and names the variables
// that it can't follow.
func (a *app) asMailpit(f *rigFlags, fs *pflag.FlagSet) (*server.Mailpit, error) {
	for _, kv := range a.environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "MP_") && !slices.Contains(mailpitVariables, name) {
			fmt.Fprintf(a.stderr, "mailrig: %s has no effect here; docs/mailpit.md lists the variables that have\n", printable(name))
		}
	}
	m := &server.Mailpit{SMTP: a.getenv("MP_SMTP_BIND_ADDR"), Chaos: on(a.getenv("MP_ENABLE_CHAOS"))}
	if address := a.getenv("MP_UI_BIND_ADDR"); address != "" && !fs.Changed("http") {
		f.http = address
	}
	f.httpExact = true
	if text := a.getenv("MP_MAX_MESSAGES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, usage("the variable MP_MAX_MESSAGES is %q, which isn't a number from 0 on; correct or unset it", text)
		}
		m.MaxMessages = n
	}
	if on(a.getenv("MP_VERBOSE")) && !fs.Changed("verbose") {
		f.verbose = true
	}
	if !fs.Changed("user") && !on(a.getenv("MP_SMTP_AUTH_ACCEPT_ANY")) {
		users := strings.Fields(a.getenv("MP_SMTP_AUTH"))
		if file := a.getenv("MP_SMTP_AUTH_FILE"); file != "" {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, usage("the variable MP_SMTP_AUTH_FILE: %w", err)
			}
			users = strings.Fields(string(text))
			for _, user := range users {
				if _, password, _ := strings.Cut(user, ":"); strings.HasPrefix(password, "$") || strings.HasPrefix(password, "{") {
					return nil, usage("%s has encrypted passwords, which mailrig can't use; write name:password", file)
				}
			}
		}
		f.users = users
	}
	return m, nil
}

// on reports whether a variable of Mailpit's is true.
func on(value string) bool {
	switch strings.ToLower(value) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}
