package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// show tells the story from an empty machine to a running site. What an earlier
// demo left is taken down first.
func (d *demo) show(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	fmt.Println("havn keeps this machine as a git repository of CUE says. The site is an inventory\nfunction (Node.js), its Redis and an auth service, behind nginx.")
	d.chapter("Images: pulled, or made of Debian packages where no registry can be reached")
	begin := time.Now()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	say("nginx, redis, node, inventory:1, auth:1  ready in %s", since(begin))
	if err := d.down(ctx, io.Discard); err != nil {
		return err
	}
	if err := d.found(ctx); err != nil {
		return err
	}
	if err := d.choose(); err != nil {
		return err
	}
	log, err := d.bringUp(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	return d.deploy(ctx, bufio.NewReader(log))
}

// bringUp starts havn; the log it returns is at the place where the site is up.
func (d *demo) bringUp(ctx context.Context) (*os.File, error) {
	d.chapter("The site comes up")
	say("$ bin/havn run --spec %s --state %s --http %s", short(d.site), short(d.state), d.http)
	if err := d.start(); err != nil {
		return nil, err
	}
	return os.Open(d.log)
}

// deploy shows the releases, under traffic.
func (d *demo) deploy(ctx context.Context, log *bufio.Reader) error {
	if err := d.watch(ctx, log, time.Now()); err != nil {
		return err
	}
	t := send(d.http)
	defer t.stop()
	if err := d.showRelease(ctx, log, t, better, "A commit asks for a new release, under traffic: 100 requests a second, none sent twice"); err != nil {
		return err
	}
	if err := d.showRelease(ctx, log, t, worse, "The next release is bad: it passes its checks, gets the traffic, then turns slow"); err != nil {
		return err
	}
	d.chapter("The commit is taken back: what is asked for now runs already")
	say("$ git revert HEAD && git push")
	if err := d.revert(ctx); err != nil {
		return err
	}
	if err := d.watch(ctx, log, time.Now()); err != nil {
		return err
	}
	t.stop()
	return d.farewell(t)
}

// showRelease pushes a release and shows what havn makes of it.
func (d *demo) showRelease(ctx context.Context, log *bufio.Reader, t *traffic, c change, title string) error {
	d.chapter(title)
	if err := d.push(ctx, c); err != nil {
		return err
	}
	say("inventory answers  %s", t.lastAnswer())
	say("$ git commit -am %q && git push", c.message)
	if err := d.watch(ctx, log, time.Now()); err != nil {
		return err
	}
	say("inventory answers  %s", t.lastAnswer())
	say("traffic            %s", t.total())
	return nil
}

// watch prints havn's steps until the site stands still.
func (d *demo) watch(ctx context.Context, log *bufio.Reader, begin time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	return d.follow(ctx, log, func(l line) bool {
		at := fmt.Sprintf("%6.1fs  ", time.Since(begin).Seconds())
		switch {
		case l.Msg == "applied":
			say("%s%-42s %s", at, strings.TrimSpace(l.Step), brief(l.Why))
		case l.Msg == "converged":
			say("%sconverged", at)
			return true
		case strings.HasPrefix(l.Msg, "not converged"):
			say("%s%s", at, l.Why)
			return true
		case l.Level != "INFO":
			say("%s%s %s", at, l.Msg, l.Err)
		}
		return false
	})
}

func (d *demo) farewell(t *traffic) error {
	d.chapter("The site runs on, with or without havn, and over reboots")
	say("%s", t.total())
	say("open     http://%s/inventory/check   http://%s/auth", d.http, d.http)
	say("look     bin/havn status --state %s", short(d.state))
	say("change   %s/services.cue, then git commit and git push there", short(d.clone))
	say("end      make demo-down")
	if n := t.lost(); n > 0 {
		return fmt.Errorf("%d requests failed", n)
	}
	return nil
}

func (d *demo) chapter(title string) {
	d.chapters++
	fmt.Printf("\n%d  %s\n", d.chapters, title)
}

func say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

func since(t time.Time) string { return time.Since(t).Round(100 * time.Millisecond).String() }

// short writes a path as one does in a shell.
func short(path string) string {
	home, err := os.UserHomeDir()
	if rest, below := strings.CutPrefix(path, home+"/"); err == nil && below {
		return "~/" + rest
	}
	return path
}

// brief cuts a reason to what fits a line.
func brief(s string) string {
	const width = 72
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}
