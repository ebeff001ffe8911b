package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// errNoValues: a comment on a pull request is read by more people than the host, and a
// snapshot has no such values.
var errNoValues = errors.New("--show-values: not with --markdown or --against")

func valuesFlag(f *pflag.FlagSet, values *bool) {
	f.BoolVar(values, "show-values", false, "show values that may be secret too: of env, commands, files, labels and headers")
}

// explainFiles says how the files among the changes differ, as far as one of the sites
// has their contents.
func explainFiles(changes []model.Change, v plan.Values, sites ...spec.Site) {
	contents := map[string]string{}
	for _, site := range sites {
		for _, s := range site.Services {
			for _, f := range s.Files {
				if f.Content != "" || f.SHA256 == emptyFile {
					contents[f.SHA256] = f.Content
				}
			}
		}
	}
	content := func(sha256 string) (string, bool) { text, known := contents[sha256]; return text, known }
	for _, c := range changes {
		plan.Explain(c.Fields, content, v)
	}
}

// emptyFile is the SHA-256 of no content.
const emptyFile = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// hint says how hidden values are shown, if any of the changes has one.
func hint(w io.Writer, changes []model.Change) {
	for _, c := range changes {
		for _, f := range c.Fields {
			if f.Hidden {
				fmt.Fprintln(w, "values that may be secret are hidden; --show-values shows them")
				return
			}
		}
	}
}

// printFields prints the fields of a change, those of something new without what was
// before.
func printFields(b *strings.Builder, c model.Change) {
	for _, f := range c.Fields {
		switch {
		case c.Kind == model.Created:
			fmt.Fprintf(b, "    %s: %s\n", f.Field, f.New)
		default:
			fmt.Fprintf(b, "    %s\n", f)
		}
		for _, line := range f.Text {
			fmt.Fprintf(b, "      %s\n", line)
		}
	}
}
