package main

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"havn.internal/spec"
)

// every at the end of a directory's name stands for it and all below it, as for cue.
const every = "/..."

// A checkedSite is what check found in one directory.
type checkedSite struct {
	dir      string
	site     spec.Site
	problems spec.Problems
}

// checkSites checks a directory, or every site below it, as a whole and as the part of
// a host, under its policy, if one is given.
func checkSites(ctx context.Context, given string, host *spec.Host, policy *spec.Policy) ([]checkedSite, error) {
	dir, all := strings.CutSuffix(given, every)
	dirs := []string{dir}
	if all {
		var err error
		var problems spec.Problems
		if dirs, err = spec.Sites(dir); errors.As(err, &problems) {
			return []checkedSite{{dir: dir, problems: problems}}, nil
		} else if err != nil {
			return nil, err
		}
	}
	top, _ := spec.Locate(dir)
	sites := make([]checkedSite, len(dirs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, dir := range dirs {
		g.Go(func() error {
			s := &sites[i]
			s.dir = dir
			var err error
			s.site, err = spec.Load(ctx, dir)
			if err == nil && (host != nil || policy != nil) {
				s.site, err = spec.LoadUnder(ctx, dir, host, policy)
			}
			if errors.As(err, &s.problems) {
				s.problems = below(top, dir, s.problems)
				return nil
			}
			return err
		})
	}
	return sites, g.Wait()
}

// below names the files of problems from the top, for a site that is a module of its
// own below it.
func below(top, dir string, problems spec.Problems) spec.Problems {
	root, _ := spec.Locate(dir)
	prefix, err := filepath.Rel(top, root)
	if err != nil || prefix == "." {
		return problems
	}
	problems = slices.Clone(problems)
	for i, p := range problems {
		problems[i].File = filepath.Join(prefix, p.File)
	}
	return problems
}

// allProblems are those of all sites, each once: what is wrong in a shared file is
// found in each.
func allProblems(sites []checkedSite) spec.Problems {
	var all spec.Problems
	for _, s := range sites {
		for _, p := range s.problems {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}
