package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			details := []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch {
					case s.Key == "vcs.revision" && s.Value != "":
						details = append(details, "commit "+s.Value[:min(12, len(s.Value))])
					case s.Key == "vcs.modified" && s.Value == "true":
						details = append(details, "modified")
					}
				}
			}
			fmt.Fprintf(a.stdout, "mailrig %s (%s)\n", version(), strings.Join(details, ", "))
			return nil
		},
	}
}

// version returns the module's version, as the go command stamped it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
