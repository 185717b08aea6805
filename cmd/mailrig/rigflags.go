package main

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// rigFlags are the flags of the commands that start a rig.
type rigFlags struct {
	hosts, hostnames, users, scenarios []string
	auth                               []string
	httpAuth, webhooks                 []string
	balancers                          []string
	portOffset, http, https, domain    string
	seed, caDir                        string
	data                               string
	keepMail, quotas                   []string
	randomSeed                         uint64
	chaos                              string
	maxMessageBytes                    size
	maxConnections, keepSessions       int
	maxMemory                          size
	whenFull                           string
	tokenLifetime                      time.Duration
	verbose, seedRaw                   bool
	httpExact                          bool // the web page must have its address
}

// register adds the flags. free is set for run, which uses free ports.
func (f *rigFlags) register(cmd *cobra.Command, free bool) {
	offset, page := "auto", server.DefaultHTTP
	if free {
		offset, page = "random", "127.0.0.1:0"
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	listFlag(fs, &f.scenarios, "scenario", "misbehave as these scenarios say: `names` from the catalogue, or paths of YAML files; repeatable")
	fs.StringVar(&f.chaos, "chaos", "", "let anything fail now and then, for the time being, with this `chance`; --chaos alone is 5%")
	fs.Lookup("chaos").NoOptDefVal = "5%"
	listFlag(fs, &f.hosts, "host", "`addresses` to listen on: 127.0.0.1, ::1, or 0.0.0.0 for all; repeatable (default localhost, IPv4 and IPv6)")
	fs.StringVar(&f.portOffset, "port-offset", offset, "add `N` to every port number; random takes free ports; auto is 0, or 3000 if a standard port can't be opened")
	fs.StringVar(&f.http, "http", page, "`address` of the web page and the API; off closes them")
	fs.StringVar(&f.https, "https", "", "`address` of the web page and the API inside TLS, with the rig's certificate (default none)")
	fs.Var(&list{values: &f.httpAuth}, "http-auth", "let only `name:password` reach the web page and the API; name:password:read may only read; repeatable (default anybody)")
	listFlag(fs, &f.webhooks, "webhook", "post each message and each finding to this `URL` as it comes; repeatable")
	listFlag(fs, &f.balancers, "proxy-protocol", "take the client's address from the PROXY protocol's header (v1 or v2), with which connections from these `addresses` or networks must begin; repeatable")
	fs.StringVar(&f.domain, "domain", server.DefaultDomain, "`domain` to add to user names without @")
	listFlag(fs, &f.hostnames, "hostname", "additional host `names` for the certificate; repeatable")
	fs.Var(&list{values: &f.users}, "user", "allow only this `name:password` to log in; repeatable (default anyone, with any password)")
	fs.DurationVar(&f.tokenLifetime, "token-lifetime", time.Hour, "an OAuth access token that mailrig issues lasts so `long`, like 5s")
	f.authFlag(cmd)
	fs.StringVar(&f.seed, "seed", "", "load mail from `DIR`/user@domain/FOLDER/*.eml")
	fs.BoolVar(&f.seedRaw, "seed-raw", false, "keep the line ends of seeded messages (default CRLF where a file has none)")
	fs.StringVar(&f.data, "data", "", "keep mail, the CA and what else the rig knows in `DIR` between runs, or share it with other rigs in the database at postgres://… (default nothing)")
	listFlag(fs, &f.keepMail, "keep-mail", "with --data, remove mail beyond `LIMIT`: an age like 7d or 12h, or a number of messages like 10000; repeatable (default none)")
	listFlag(fs, &f.quotas, "quota", "let each account hold at most `SIZE`, like 50MB; alice=1MB is for one account; repeatable (default no bound)")
	fs.Uint64Var(&f.randomSeed, "random-seed", 0, "throw the dice of scenarios with a chance as the run with this `N` did (default a new one, which is printed)")
	fs.StringVar(&f.caDir, "ca-dir", "", "keep the CA in `DIR` between runs (default with --data there, otherwise a new CA for each run)")
	f.maxMessageBytes = server.DefaultMaxMessageBytes
	fs.Var(&f.maxMessageBytes, "max-message-bytes", "refuse messages larger than `SIZE`, in bytes or like 10MB")
	fs.IntVar(&f.maxConnections, "max-connections", server.DefaultMaxConnections, "accept at most `N` connections at a time")
	fs.IntVar(&f.keepSessions, "keep-sessions", server.DefaultKeepSessions, "keep the last `N` sessions")
	fs.Var(&f.maxMemory, "max-memory", "take at most `SIZE` of memory, like 512MB or 2GiB (default half of the machine's or the container's, at most 2GiB)")
	fs.StringVar(&f.whenFull, "when-full", server.Refuse, "what happens when memory is full: `refuse` new mail, or evict the oldest mail of the largest account")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "log mailrig's own work to standard error")
}

// registerForTrial adds the flags that configure the rigs of a trial.
func (f *rigFlags) registerForTrial(cmd *cobra.Command) {
	fs := cmd.Flags()
	*f = rigFlags{
		portOffset: "random", http: "127.0.0.1:0",
		maxConnections: server.DefaultMaxConnections, keepSessions: server.DefaultKeepSessions,
	}
	fs.Var(&list{values: &f.users}, "user", "allow only this `name:password` to log in; repeatable (default anyone, with any password)")
	f.authFlag(cmd)
	fs.StringVar(&f.seed, "seed", "", "load mail from `DIR`/user@domain/FOLDER/*.eml (default three messages)")
	fs.BoolVar(&f.seedRaw, "seed-raw", false, "keep the line ends of seeded messages (default CRLF where a file has none)")
	fs.StringVar(&f.domain, "domain", server.DefaultDomain, "`domain` to add to user names without @")
	listFlag(fs, &f.hosts, "host", "`addresses` to listen on; repeatable (default localhost, IPv4 and IPv6)")
	listFlag(fs, &f.hostnames, "hostname", "additional host `names` for the certificate; repeatable")
	fs.Uint64Var(&f.randomSeed, "random-seed", 0, "throw the dice of scenarios with a chance as the trial with this `N` did (default a new one, which is printed)")
	fs.StringVar(&f.caDir, "ca-dir", "", "keep the CA in `DIR` between trials (default a new CA for each trial)")
	f.maxMessageBytes = server.DefaultMaxMessageBytes
	fs.Var(&f.maxMessageBytes, "max-message-bytes", "refuse messages larger than `SIZE`, in bytes or like 10MB")
}

// config turns the flags into a server's configuration.
func (f *rigFlags) config(a *app, fs *pflag.FlagSet) (server.Config, error) {
	cfg := server.Config{
		Hosts: f.hosts, PortOffset: f.portOffset, Domain: f.domain, Hostnames: f.hostnames,
		Balancers: f.balancers, Webhooks: f.webhooks, RandomSeed: f.randomSeed, SeedDir: f.seed, SeedRaw: f.seedRaw, CADir: f.caDir, Data: f.data,
		MaxMessageBytes: int64(f.maxMessageBytes), MaxConnections: f.maxConnections, KeepSessions: f.keepSessions,
		MaxMemory: int64(f.maxMemory), WhenFull: f.whenFull,
		OnTrouble: func(text string) { fmt.Fprintf(a.stderr, "mailrig: %s\n", text) },
		Version:   version(),
	}
	if f.verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if _, err := door.ParseOffset(f.portOffset); err != nil {
		return cfg, usage("%s: %w", a.source("port-offset"), err)
	}
	for flag, n := range map[string]int64{
		"max-message-bytes": int64(f.maxMessageBytes), "max-connections": int64(f.maxConnections), "keep-sessions": int64(f.keepSessions),
	} {
		if n < 1 {
			return cfg, usage("%s is %d; give at least 1", a.source(flag), n)
		}
	}
	if n := int64(f.maxMemory); n != 0 && n < server.LeastMemory {
		return cfg, usage("%s is %s; give at least %s", a.source("max-memory"), budget.FormatSize(n), budget.FormatSize(server.LeastMemory))
	}
	if f.whenFull != "" && f.whenFull != server.Refuse && f.whenFull != server.Evict {
		return cfg, usage("%s is %q; give %s or %s", a.source("when-full"), f.whenFull, server.Refuse, server.Evict)
	}
	if err := f.keep(a, &cfg); err != nil {
		return cfg, err
	}
	for _, bound := range f.quotas {
		if err := cfg.Quota.Set(bound); err != nil {
			return cfg, usage("%s: %w", a.source("quota"), err)
		}
	}
	if err := server.CheckBalancers(f.balancers); err != nil {
		return cfg, usage("%s: %w", a.source("proxy-protocol"), err)
	}
	for _, hook := range f.webhooks {
		if err := server.CheckWebhook(hook); err != nil {
			return cfg, usage("%s: %w", a.source("webhook"), err)
		}
	}
	var err error
	if cfg.HTTP, err = listenAddress(f.http); err != nil {
		return cfg, usage("%s: %w", a.source("http"), err)
	}
	if !a.fromEnv["https"] || !strings.Contains(f.https, "://") { // otherwise it is where another rig listens
		if cfg.HTTPS, err = listenAddress(strings.TrimPrefix(f.https, "https://")); err != nil && f.https != "" {
			return cfg, usage("%s: %w", a.source("https"), err)
		}
	}
	if f.tokenLifetime < time.Millisecond && fs.Changed("token-lifetime") {
		return cfg, usage("%s is %v; give at least 1ms", a.source("token-lifetime"), f.tokenLifetime)
	}
	cfg.TokenLifetime = f.tokenLifetime
	// run puts a URL into the variable, to tell its command where it listens. A rig that this command starts may read
	// the same variable, and must not insist on that address.
	cfg.HTTPExact = f.httpExact || fs.Changed("http") && !(a.fromEnv["http"] && strings.Contains(f.http, "://"))
	for _, u := range f.users {
		user, err := a.user(u)
		if err != nil {
			return cfg, err
		}
		cfg.Users = append(cfg.Users, user)
	}
	if err := server.CheckAuth(f.auth, len(cfg.Users) > 0); err != nil {
		return cfg, usage("%s: %w", a.source("auth"), err)
	}
	cfg.Auth = f.auth
	for _, s := range f.httpAuth {
		login, err := a.httpLogin(s)
		if err != nil {
			return cfg, err
		}
		cfg.HTTPLogins = append(cfg.HTTPLogins, login)
	}
	if cfg.Scenarios, err = scenarios.Load(f.scenarios...); err != nil {
		return cfg, usage("%w", err)
	}
	if cfg.Scenarios == nil && fs.Changed("scenario") {
		cfg.Scenarios = []*scenarios.Scenario{} // none, whatever was active when the last rig with this --data ended
	}
	if f.chaos != "" {
		everything, err := scenarios.Chaos(f.chaos)
		if err != nil {
			return cfg, usage("%s: %w", a.source("chaos"), err)
		}
		cfg.Scenarios = append(cfg.Scenarios, everything)
	}
	return cfg, nil
}

// user parses name:password. Inside `mailrig run`, MAILRIG_USER is only a name, and the password has its own variable.
func (a *app) user(s string) (server.User, error) {
	name, password, ok := strings.Cut(s, ":")
	if !ok {
		password = a.getenv("MAILRIG_PASSWORD")
	}
	if name == "" || password == "" {
		return server.User{}, usage("%s %q has no %s; give name:password, or set MAILRIG_PASSWORD", a.source("user"), s,
			map[bool]string{true: "name", false: "password"}[name == ""])
	}
	return server.User{Name: name, Password: password}, nil
}

// httpLogin parses name:password or name:password:read.
func (a *app) httpLogin(s string) (server.HTTPLogin, error) {
	name, password, _ := strings.Cut(s, ":")
	password, readOnly := strings.CutSuffix(password, ":read")
	if name == "" || password == "" || strings.ContainsFunc(s, func(r rune) bool { return r == ',' || r <= ' ' }) { // they separate logins in a variable
		return server.HTTPLogin{}, usage("%s needs a name and a password without commas and spaces; give name:password, or name:password:read", a.source("http-auth"))
	}
	return server.HTTPLogin{Name: name, Password: password, ReadOnly: readOnly}, nil
}

// listenAddress checks the value of --http, and removes the parts of a URL that it doesn't need.
func listenAddress(s string) (string, error) {
	const advice = "give host:port like " + server.DefaultHTTP + ", or off"
	addr := strings.TrimSuffix(strings.TrimPrefix(s, "http://"), "/")
	if strings.EqualFold(addr, "off") {
		return "off", nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil || strings.ContainsAny(addr, "/ ") {
		return "", fmt.Errorf("%q isn't an address to listen on; %s", s, advice)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q has no port number from 0 to 65535; %s", s, advice)
	}
	return addr, nil
}
