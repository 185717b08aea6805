package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// This file completes what a person types at a shell.

// completer lists what a word can be. Each completion may have a description.
type completer func(args []string, word string) []cobra.Completion

// values completes a flag, or does nothing if the command doesn't have it.
func values(cmd *cobra.Command, flag string, directive cobra.ShellCompDirective, complete completer) {
	if _, done := cmd.GetFlagCompletionFunc(flag); done || cmd.Flags().Lookup(flag) == nil {
		return // mailrig itself has the flags of serve
	}
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(args, word), directive
	})
	if err != nil {
		panic(err) // the flag is there, so it is completed twice, which is a bug
	}
}

// oneOf completes one of these words.
func oneOf(words ...cobra.Completion) completer {
	return func([]string, string) []cobra.Completion { return words }
}

// listOf completes each of several words that commas separate. What was named before isn't named again.
func listOf(complete completer) completer {
	return func(args []string, word string) (all []cobra.Completion) {
		before := word[:strings.LastIndexByte(word, ',')+1]
		named := strings.Split(before, ",")
		for _, c := range complete(args, word[len(before):]) {
			name, _, _ := strings.Cut(c, "\t")
			if before == "" || !slices.Contains(named, name) {
				all = append(all, before+c)
			}
		}
		return all
	}
}

// completeFlags completes the values of all flags of all commands that have something to choose from.
func completeFlags(cmd *cobra.Command) {
	files, none, noSpace := cobra.ShellCompDirectiveDefault, cobra.ShellCompDirectiveNoFileComp, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace
	kinds := oneOf("tls\tSSL/TLS only", "starttls\tSTARTTLS only", "plain\tunencrypted too", "any\tany encryption", "off\tnot this protocol")
	values(cmd, "scenario", files, listOf(catalogue))
	values(cmd, "finding", none, listOf(findingIDs))
	values(cmd, "when-full", none, oneOf(server.Refuse+"\trefuse new mail", server.Evict+"\tevict the oldest mail"))
	values(cmd, "retries", none, oneOf("inside\tCMD tries again itself", "outside\twhoever calls CMD does"))
	values(cmd, "smtp", none, kinds)
	values(cmd, "imap", none, kinds)
	values(cmd, "pop3", none, kinds)
	values(cmd, "host", none, listOf(oneOf("127.0.0.1\tIPv4 loopback", "::1\tIPv6 loopback", "0.0.0.0\tall IPv4 addresses", "::\tall addresses")))
	values(cmd, "session", noSpace, sessionMatchers)
	values(cmd, "match", noSpace, sessionMatchers)
	values(cmd, "message", noSpace, oneOf("to:", "from:", "subject:", "body:", "text:", "folder:", "id:", "any\tany message"))
	if cmd.Name() != "check" {
		values(cmd, "port-offset", none, oneOf("auto\t0, or 3000 if a port can't be opened", "random\tfree ports", "0\tstandard ports", "3000\t3025, 3143 …"))
		values(cmd, "http", none, oneOf("off\tno web page", server.DefaultHTTP+"\tthe usual address"))
	} else {
		values(cmd, "door", noSpace, func([]string, string) (all []cobra.Completion) {
			for _, d := range door.All() {
				all = append(all, fmt.Sprintf("%d=\t%s", d.Port, d.Service))
			}
			return all
		})
	}
	for _, dir := range []string{"seed", "ca-dir", "data"} {
		if cmd.Flags().Lookup(dir) != nil {
			_ = cmd.MarkFlagDirname(dir) // fails only for a flag that isn't there
		}
	}
	for _, sub := range cmd.Commands() {
		completeFlags(sub)
	}
}

// catalogue lists the scenarios.
func catalogue([]string, string) (names []cobra.Completion) {
	for _, s := range scenarios.Index() {
		names = append(names, cobra.CompletionWithDesc(s.Name, s.Title))
	}
	return names
}

// findingIDs lists what mailrig can find out.
func findingIDs([]string, string) (ids []cobra.Completion) {
	for _, k := range server.FindingKinds() {
		ids = append(ids, cobra.CompletionWithDesc(k.ID, k.Title))
	}
	return ids
}

// sessionMatchers lists the beginnings of what a session can match, and the whole matcher where there are few.
func sessionMatchers([]string, string) []cobra.Completion {
	all := []cobra.Completion{
		"login:ok", "login:refused", "login:none", "tls:yes", "tls:no", "ended:yes", "ended:no", "protocol:smtp", "protocol:imap", "protocol:pop3",
		"user:", "client:", "scenario:", "any\tany session",
	}
	for _, d := range door.All() {
		all = append(all, fmt.Sprintf("door:%d\t%s", d.Port, d.Service))
	}
	return all
}

// askTime is how long a shell waits for a running mailrig.
const askTime = time.Second

// sessionNumbers lists the sessions of the running mailrig, the newest first.
func (a *app) sessionNumbers(address *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) (numbers []cobra.Completion, _ cobra.ShellCompDirective) {
		none := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		if a.applyEnv(cmd) != nil {
			return nil, none
		}
		c, err := a.connect(*address)
		if err != nil {
			return nil, none
		}
		ctx, cancel := context.WithTimeout(context.Background(), askTime)
		defer cancel()
		_ = c.do(ctx, "GET", "/api/v1/sessions", nil, reader(func(d *json.Decoder) error {
			_, err := readSessions(d, func(s *judged) error {
				if !slices.Contains(args, s.ID) {
					numbers = append(numbers, cobra.CompletionWithDesc(s.ID, printableLine(s.Summary())))
				}
				return nil
			})
			return err
		}))
		slices.Reverse(numbers)
		return numbers, none
	}
}
