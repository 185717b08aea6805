package main

import (
	"context"
	"io"
	"net/mail"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/internal/check"
	"github.com/mailrig/mailrig/internal/door"
)

type checkFlags struct {
	user, ca, address     string
	smtp, imap, pop3      string
	doors                 []string
	portOffset            string
	timeout, sendTimeout  time.Duration
	allowPlain, allowAny  bool
	allLogins, send, json bool
	save                  string
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [flags] [HOST]",
		Short: "Look at any server's eight doors as a client would",
		Long: `Look at a mail server's eight doors (its mail ports) from outside, as a careful client
would: what answers, STARTTLS, the certificate in words, the ways to log in. Then print
the settings to type into a client, what is wrong, and what to try.

With --user, check logs in once for each of IMAP, POP3 and SMTP. It stops trying as
soon as the server refuses the password. The password comes from MAILRIG_PASSWORD, or
check asks for it. check sends it only through TLS with a certificate that verifies,
unless you say otherwise. With --send, check sends a small message from the account to
itself. The message stays there.

With --save NAME.yaml, check also writes a scenario that answers like this server:
greeting, capabilities, mechanisms, texts, limits and, with --user, what a login shows,
with the names of the folders. The file has no password and no message in it, and other
names in place of mail addresses and network addresses. "mailrig --scenario ./NAME.yaml"
plays it.

HOST is the name that a person types into a client. Inside "mailrig run" you may leave
it out: MAILRIG_HOST, MAILRIG_PORT_25 and so on, MAILRIG_CA_FILE, MAILRIG_USER and
MAILRIG_PASSWORD say where the rig is and who may log in. check uses them for the rig
only.

Exit status 1 means that something a client needs is wrong: no port works for sending
or for receiving, the certificate at a port of the settings doesn't verify, or a login
or the test message failed. docs/check.md explains all flags and the JSON.` + aboutVariables,
		Example: `  mailrig check mail.example.org
  mailrig check mail.example.org --user alice@example.org --send
  mailrig check localhost --port-offset 3000 --ca ca.pem
  mailrig run --scenario port-25-blocked -- mailrig check`,
		Args: atMostOne("host"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := a.checkOptions(cmd, f, args)
			if err != nil {
				return err
			}
			return a.check(cmd.Context(), o, f)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.user, "user", "", "log in as `name[:password]`; others on this machine can see a password given here, so better leave it out")
	fs.StringVar(&f.ca, "ca", "", "also trust the CAs in this PEM `FILE`")
	fs.StringVar(&f.smtp, "smtp", "any", "for sending, look only at doors with this `KIND` of encryption: tls, starttls, plain, any, off")
	fs.StringVar(&f.imap, "imap", "any", "the same for IMAP: a `KIND` as above")
	fs.StringVar(&f.pop3, "pop3", "any", "the same for POP3: a `KIND` as above")
	fs.StringVar(&f.portOffset, "port-offset", "0", "the server's ports are `N` higher than the standard ones")
	listFlag(fs, &f.doors, "door", "where a door really is, `N=[host:]port`: 993=10993, 993=127.0.0.1:10993; repeatable")
	fs.DurationVar(&f.timeout, "timeout", check.DefaultTimeout, "how `long` to wait for each answer; a door takes at most three times as long")
	fs.BoolVar(&f.send, "send", false, "send a message from the account to itself, and wait until it arrives")
	fs.StringVar(&f.address, "address", "", "the account's mail `address`, for --send (default the user name)")
	fs.DurationVar(&f.sendTimeout, "send-timeout", check.DefaultSendTimeout, "how `long` to wait for that message")
	fs.BoolVar(&f.allowPlain, "allow-plain-login", false, "send the password unencrypted, to protocols set to plain")
	fs.BoolVar(&f.allowAny, "allow-untrusted-login", false, "send the password even if the server's certificate doesn't verify")
	fs.BoolVar(&f.allLogins, "all-logins", false, "log in at every door instead of once for each protocol; this may lock the account")
	fs.StringVar(&f.save, "save", "", "write what the server said to `NAME.yaml`, a scenario that answers like it")
	fs.BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

func (a *app) check(ctx context.Context, o check.Options, f checkFlags) error {
	ctx, stop := signal.NotifyContext(ctx, notIgnored(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	defer stop()
	report := check.Run(ctx, o)
	var err error
	if f.json {
		err = writeJSON(a.stdout, report)
	} else {
		_, err = io.WriteString(a.stdout, printable(checkText(report, columns(a.stdout))))
	}
	switch {
	case err != nil:
		return notStarted("print the report: %w", err)
	case f.save != "":
		if err := a.saveServer(report, &o, f.save); err != nil {
			return err
		}
	}
	switch {
	case !report.Good:
		return &exitError{status: statusNegative}
	}
	return nil
}

// checkOptions turns flags and variables into the options of package check.
func (a *app) checkOptions(cmd *cobra.Command, f checkFlags, args []string) (check.Options, error) {
	o := check.Options{
		Timeout: f.timeout, Send: f.send, Address: f.address, SendTimeout: f.sendTimeout,
		Record: f.save != "", AllowPlainLogin: f.allowPlain, AllowUntrustedLogin: f.allowAny, AllLogins: f.allLogins,
		Wishes: map[door.Protocol]check.Wish{},
	}
	var err error
	if o.Host, err = a.checkHost(args); err != nil {
		return o, err
	}
	for flag, d := range map[string]time.Duration{"timeout": f.timeout, "send-timeout": f.sendTimeout} {
		if d <= 0 {
			return o, usage("%s is %s; give a duration above 0, such as 5s", a.source(flag), d)
		}
	}
	for flag, value := range map[string]string{"smtp": f.smtp, "imap": f.imap, "pop3": f.pop3} {
		w := check.Wish(strings.ToLower(value))
		switch w {
		case check.Any, check.TLS, check.STARTTLS, check.Plain, check.Off:
			o.Wishes[door.Protocol(flag)] = w
		default:
			return o, usage("%s is %q; give tls, starttls, plain, any or off", a.source(flag), value)
		}
	}
	rig := a.insideRun() && a.isRig(o.Host)
	if o.Doors, err = a.checkDoors(f, rig, cmd.Flags().Changed("port-offset") && !a.fromEnv["port-offset"]); err != nil {
		return o, err
	}
	if o.Roots, err = a.checkRoots(f, rig); err != nil {
		return o, err
	}
	if o.User, o.Password, err = a.checkUser(f, rig); err != nil {
		return o, err
	}
	if f.save != "" {
		if _, err = scenarioName("--save", f.save); err != nil {
			return o, err
		}
	}
	return o, a.checkSense(f, &o)
}

// checkSense rejects flags that make no sense together.
func (a *app) checkSense(f checkFlags, o *check.Options) error {
	plain := false
	for _, w := range o.Wishes {
		plain = plain || w == check.Plain
	}
	off := o.Wishes[door.SMTP] == check.Off && o.Wishes[door.IMAP] == check.Off && o.Wishes[door.POP3] == check.Off
	switch {
	case off:
		return usage("--smtp, --imap and --pop3 are all off, so there is nothing to look at; leave one on")
	case f.allowPlain && !plain:
		return usage("%s needs a protocol that may be plain; give --smtp plain, --imap plain or --pop3 plain", a.source("allow-plain-login"))
	case !f.send:
		return nil
	case o.User == "":
		return usage("%s needs an account; give it with --user", a.source("send"))
	case o.Wishes[door.SMTP] == check.Off || o.Wishes[door.IMAP] == check.Off && o.Wishes[door.POP3] == check.Off:
		return usage("%s needs SMTP, and IMAP or POP3; don't switch them off", a.source("send"))
	}
	from := "address"
	if o.Address == "" {
		o.Address, from = o.User, "user"
	}
	parsed, err := mail.ParseAddress(o.Address)
	if err != nil || parsed.Address != o.Address || !ascii(o.Address) {
		return usage("%s needs the account's mail address, and %s %q isn't one; give it with --address", a.source("send"), a.source(from), o.Address)
	}
	return nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}
