package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	out := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (out == "" || out == "(devel)") {
			out = s.Value[:min(12, len(s.Value))]
		}
	}
	return out
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print havn's version", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "havn", version())
			return err
		},
	}
}
