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

// release is the version that the linker sets (-X main.release=v1.2.3) where the go command can't tell it, as in packages and
// images. Nothing else sets it.
var release string

// version returns the version that the linker set, or else the module's, as the go command stamped it.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
