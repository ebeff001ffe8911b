package nginx

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"havn.internal/reconciler/plan"
)

// A generation is one configuration on disk: DIR/gen-N with nginx.conf and the
// table it was rendered from. DIR/current is the one nginx reads, DIR/confirmed
// the last one that nginx has answered for.
type generation struct {
	number int
	table  plan.Table
	// sum identifies nginx.conf.
	sum string
}

const (
	current   = "current"
	confirmed = "confirmed"
	confFile  = "nginx.conf"
	tableFile = "table.json"
	// keepGenerations is how many are kept on disk, whoever they name.
	keepGenerations = 8
)

func genName(n int) string { return fmt.Sprintf("gen-%d", n) }

// sumOf identifies the bytes of a configuration.
func sumOf(conf []byte) string {
	sum := sha256.Sum256(conf)
	return hex.EncodeToString(sum[:])
}

// save writes a generation, whole and synced, before anything points to it.
func save(dir string, g *generation, conf []byte) error {
	table, err := json.Marshal(g.table)
	if err != nil {
		return err
	}
	g.sum = sumOf(conf)
	return within(dir, func(root *os.Root) error {
		name := genName(g.number)
		if err := root.RemoveAll(name); err != nil {
			return err
		}
		if err := root.Mkdir(name, dirMode); err != nil {
			return err
		}
		if err := writeSynced(root, filepath.Join(name, confFile), conf); err != nil {
			return err
		}
		return errors.Join(writeSynced(root, filepath.Join(name, tableFile), table), syncDir(root, name))
	})
}

// point makes a link mean a generation, in one step, for good. It is relative, so that
// it is good wherever the directory is mounted.
func point(dir, link string, number int) error {
	return within(dir, func(root *os.Root) error {
		tmp := "." + link + ".new"
		if err := root.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := root.Symlink(genName(number), tmp); err != nil {
			return err
		}
		if err := root.Rename(tmp, link); err != nil {
			return err
		}
		return syncDir(root, ".")
	})
}

// pointed returns the generation a link means; false if it means none that can
// be read.
func pointed(dir, link string) (generation, bool) {
	to, err := os.Readlink(filepath.Join(dir, link))
	if err != nil {
		return generation{}, false
	}
	return load(dir, to)
}

func load(dir, name string) (generation, bool) {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "gen-"))
	if err != nil || name != genName(number) {
		return generation{}, false
	}
	g := generation{number: number}
	err = within(dir, func(root *os.Root) error {
		table, err := root.ReadFile(filepath.Join(name, tableFile))
		if err != nil {
			return err
		}
		conf, err := root.ReadFile(filepath.Join(name, confFile))
		g.sum = sumOf(conf)
		return errors.Join(err, json.Unmarshal(table, &g.table))
	})
	if err != nil {
		return generation{}, false
	}
	return g, true
}

// numbers are those of the generations on disk.
func numbers(dir string) []int {
	names, _ := filepath.Glob(filepath.Join(dir, "gen-*"))
	var out []int
	for _, n := range names {
		if number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(n), "gen-")); err == nil {
			out = append(out, number)
		}
	}
	return out
}

// saved returns all generations on disk that can be read.
func saved(dir string) []generation {
	var out []generation
	for _, n := range numbers(dir) {
		if g, ok := load(dir, genName(n)); ok {
			out = append(out, g)
		}
	}
	return out
}

// prune removes the generations that are older than the newest ones, unless one is
// pointed to or names somebody who is not drained: after a restart of havn nothing else
// tells whom old workers may still send requests to. Many that fail follow one another
// while nginx can't test or take any.
func (g *Gateway) prune(newest int) {
	linked := map[string]bool{}
	for _, link := range []string{current, confirmed} {
		if to, err := os.Readlink(filepath.Join(g.Dir, link)); err == nil {
			linked[to] = true
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range numbers(g.Dir) {
		name := genName(n)
		if n > newest-keepGenerations || linked[name] {
			continue
		}
		if old, ok := load(g.Dir, name); !ok || !g.drains.pending(old.table) {
			_ = within(g.Dir, func(root *os.Root) error { return root.RemoveAll(name) })
		}
	}
}

// askTime is how long nginx may take to say its generation. It holds for the
// connection, too: net/http goes on to connect for a request that has ended.
const askTime = time.Second

// asker asks nginx for its generation, each time on a new connection: an old one
// would be answered by an old worker.
var asker = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil, DialContext: (&net.Dialer{Timeout: askTime}).DialContext},
	Timeout:   askTime,
}

// markOf is what nginx says beside the number of a generation: two generations of one
// number have different marks, and whoever hears one learns nothing of the table.
func markOf(key []byte, t plan.Table, number int) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%d %s", number, t.Hash())
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// ask returns the generation in force, and its mark.
func ask(ctx context.Context, addr string) (number int, mark string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/generation", nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = generationHost
	resp, err := asker.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256))
	if err != nil {
		return 0, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("%s: status %d: not havn's gateway", addr, resp.StatusCode)
	}
	if _, err := fmt.Sscanf(string(body), "%d %s", &number, &mark); err != nil {
		return 0, "", fmt.Errorf("%s: %q: not havn's gateway", addr, body)
	}
	return number, mark, nil
}

// await asks until nginx answers with the generation, or until.
func (g *Gateway) await(ctx context.Context, want generation, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	wanted := markOf(g.key, want.table, want.number)
	for {
		number, mark, err := ask(ctx, g.listener.probe)
		if err == nil && number == want.number && mark == wanted {
			return nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = fmt.Errorf("generation %d is in force, not %d", number, want.number)
			}
			return err
		case <-tick.C:
		}
	}
}
