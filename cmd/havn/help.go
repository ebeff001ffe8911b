package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	groupSpec  = "spec"
	groupHost  = "host"
	groupHold  = "hold"
	groupOther = "other"
)

// Headings of flags. headingKey annotates a flag with its heading, and a command with
// what is printed below them.
const (
	headingKey   = "heading"
	ownFlags     = "Flags"
	machineFlags = "Flags of the machine"
)

// helpColumns is the width of the help.
const helpColumns = 100

// groups of commands, in the order in which the help has them.
var groups = []*cobra.Group{
	{ID: groupSpec, Title: "Specs, anywhere:"},
	{ID: groupHost, Title: "This host:"},
	{ID: groupHold, Title: "Which revision it follows:"},
	{ID: groupOther, Title: "Beside these:"},
}

// grouped puts commands into a group of the help.
func grouped(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// under puts the flags that define adds under a heading of the help, in its order.
func under(f *pflag.FlagSet, heading string, define func(*pflag.FlagSet)) {
	part := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	part.SortFlags = false
	define(part)
	f.SortFlags = false
	part.VisitAll(func(flag *pflag.Flag) {
		flag.Annotations = map[string][]string{headingKey: {heading}}
		f.AddFlag(flag)
	})
}

// atHand are the flags of the machine that the help of a command shows which takes
// over the others from the last run or apply.
var atHand = []string{"state", "host", "docker"}

const takenOver = "The flags of the machine in `havn run --help` work here too. Those that are not given\nare as the last run or apply on this state directory had them.\n"

// onlyAtHand leaves the other flags of the machine out of the help.
func onlyAtHand(c *cobra.Command) {
	c.Annotations = map[string]string{headingKey: takenOver}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = headingOf(f) == machineFlags && !slices.Contains(atHand, f.Name)
	})
}

func headingOf(f *pflag.Flag) string {
	if h := f.Annotations[headingKey]; len(h) > 0 {
		return h[0]
	}
	return ownFlags
}

// printUsage is the help of a command below what it is for.
func printUsage(c *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", useLine(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	printCommands(&b, c)
	printFlags(&b, c)
	b.WriteString(c.Annotations[headingKey])
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "`%s COMMAND --help` says more of one.\n", c.CommandPath())
	}
	_, err := fmt.Fprint(c.OutOrStderr(), b.String())
	return err
}

func useLine(c *cobra.Command) string {
	if c.HasAvailableSubCommands() {
		return c.CommandPath() + " COMMAND"
	}
	return c.UseLine()
}

func printCommands(b *strings.Builder, c *cobra.Command) {
	sections := c.Groups()
	if len(sections) == 0 && c.HasAvailableSubCommands() {
		sections = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, g := range sections {
		fmt.Fprintf(b, "\n%s\n", g.Title)
		for _, sub := range c.Commands() {
			if sub.GroupID == g.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				fmt.Fprintf(b, "  %-12s%s\n", sub.Name(), sub.Short)
			}
		}
	}
}

// printFlags prints flags by heading: the command's own first.
func printFlags(b *strings.Builder, c *cobra.Command) {
	var headings []string
	byHeading := map[string]*pflag.FlagSet{}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		h := headingOf(f)
		if byHeading[h] == nil {
			headings = append(headings, h)
			byHeading[h] = pflag.NewFlagSet(h, pflag.ContinueOnError)
			byHeading[h].SortFlags = false
		}
		byHeading[h].AddFlag(f)
	})
	if i := slices.Index(headings, ownFlags); i > 0 {
		headings = slices.Insert(slices.Delete(headings, i, i+1), 0, ownFlags)
	}
	for _, h := range headings {
		fmt.Fprintf(b, "\n%s:\n%s", h, byHeading[h].FlagUsagesWrapped(helpColumns))
	}
	b.WriteString("\n")
}

// newHelp is `havn help`, which knows a word that is no command from one that is.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command", GroupID: groupOther,
		RunE: func(c *cobra.Command, given []string) error {
			about, rest, err := c.Root().Find(given)
			if err != nil || len(rest) > 0 {
				return noCommand(about, rest)
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

// directory completes the name of a directory, where one is wanted.
func directory(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
