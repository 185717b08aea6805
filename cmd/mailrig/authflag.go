package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/server"
)

// authFlag adds --auth.
func (f *rigFlags) authFlag(cmd *cobra.Command) {
	listFlag(cmd.Flags(), &f.auth, "auth", "offer these `ways` to log in: plain, strong, tokens, all, or names; 143:CRAM-MD5 or tls:strong say where; repeatable (default plain)")
	if err := cmd.RegisterFlagCompletionFunc("auth", completeAuth); err != nil {
		panic(err) // the flag is registered a line above, so this is a bug
	}
}

// completeAuth completes the last word of the flag's value.
func completeAuth(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	at := strings.LastIndexAny(typed, ",:+") + 1
	var all []string
	for _, word := range server.AuthWords() {
		if strings.HasPrefix(strings.ToLower(word), strings.ToLower(typed[at:])) {
			all = append(all, typed[:at]+word)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
