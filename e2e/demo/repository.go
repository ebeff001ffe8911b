package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"havn.internal/e2e/images"
)

// found lays the example site into a git repository: the machine's checkout, which
// a push updates, and a developer's clone of it.
func (d *demo) found(ctx context.Context) error {
	for _, dir := range []string{d.site, d.clone} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.CopyFS(d.site, os.DirFS(d.source)); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"config", "receive.denyCurrentBranch", "updateInstead"},
		{"add", "--all"},
	} {
		if _, err := command(ctx, d.site, "git", args...); err != nil {
			return err
		}
	}
	if err := d.commit(ctx, d.site, "The site of the article"); err != nil {
		return err
	}
	_, err := command(ctx, filepath.Dir(d.clone), "git", "clone", "--quiet", d.site, d.clone)
	return err
}

func (d *demo) commit(ctx context.Context, dir, message string) error {
	_, err := command(ctx, dir, "git", "-c", "user.name=demo", "-c", "user.email=demo@localhost", "commit", "--quiet", "--all", "--message", message)
	return err
}

// A change is a new release of the inventory function.
type change struct {
	release  string // its image's tag
	message  string
	from, to string // in the function's source
}

var (
	better = change{"2", "Inventory 2: the stock is a number", "stock: reply,", "stock: Number(reply),"}
	// worse passes its checks at first, and is slow from then on.
	worse = change{
		"3", "Inventory 3: look twice",
		"client.get('item_42', (err, reply) => {\n",
		"const slow = process.uptime() > 2 ? 1500 : 0;\n    setTimeout(() => client.get('item_42', (err, reply) => {\n",
	}
)

// push builds the release as a CI would, and pushes the commit that asks for it.
func (d *demo) push(ctx context.Context, c change) error {
	app := filepath.Join(d.clone, "apps", "inventory")
	server := filepath.Join(app, "server.js")
	if err := replace(server, c.from, c.to); err != nil {
		return err
	}
	if c == worse {
		if err := replace(server, "      }));\n    });", "      }));\n    }), slow);"); err != nil {
			return err
		}
	}
	tag := "havn-example/inventory:" + c.release
	if _, err := images.App(ctx, tag, app); err != nil {
		return err
	}
	if err := replaceImage(filepath.Join(d.clone, "services.cue"), tag); err != nil {
		return err
	}
	if err := d.commit(ctx, d.clone, c.message); err != nil {
		return err
	}
	_, err := command(ctx, d.clone, "git", "push", "--quiet")
	return err
}

func replace(file, from, to string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("%s has no %q", file, from)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644)
}

// replaceImage writes another tag of the inventory function's image.
func replaceImage(file, tag string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	at := strings.Index(string(text), `"havn-example/inventory:`)
	if at < 0 {
		return fmt.Errorf("%s does not name the inventory function's image", file)
	}
	old := string(text[at : at+strings.Index(string(text[at+1:]), `"`)+2])
	return replace(file, old, `"`+tag+`"`)
}

// revert takes the last commit back.
func (d *demo) revert(ctx context.Context) error {
	for _, args := range [][]string{
		{"-c", "user.name=demo", "-c", "user.email=demo@localhost", "revert", "--no-edit", "HEAD"}, {"push", "--quiet"},
	} {
		if _, err := command(ctx, d.clone, "git", args...); err != nil {
			return err
		}
	}
	return nil
}
