package spec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tight are limits that a bomb reaches in a test's time.
func tight() limits {
	return limits{time: time.Minute, timeAFile: 0, cpu: 1, memory: 2 << 30, output: 1 << 20}
}

// bombs are specs that ask for more than there is. Each may be refused at once, or
// stopped by a limit; expect is part of the one error.
var bombs = map[string]string{
	"doubled text":        doubling(),
	"a long list":         `import "list"` + "\n_x: list.Range(0, 30000000, 1)\nservices: a: image: \"\\(len(_x))\"\n",
	"loops":               "import \"list\"\n_n: [for i in _r for j in _r for k in _r {i + j + k}]\n_r: list.Range(0, 300, 1)\nservices: a: image: \"\\(len(_n))\"\n",
	"generated fields":    "import \"list\"\n_r: list.Range(0, 200000, 1)\nservices: {for i in _r {\"s\\(i)\": image: \"x\"}}\n",
	"generated routes":    "import \"list\"\nroutes: {for i in list.Range(0, 1000000, 1) {\"s\\(i)\": {hosts: [\"a.no\"], paths: \"/\": service: \"x\"}}}\n",
	"a long sum":          "services: a: replicas: 0" + strings.Repeat("+0", 100000) + "\n",
	"a longer sum":        "services: a: replicas: 0" + strings.Repeat("+0", 500000) + "\n",
	"optional choices":    choices(),
	"shared structs":      laughs(),
	"deep structs":        "services: a: env: A: " + strings.Repeat("{a: ", 200000) + "1" + strings.Repeat("}", 200000) + "\n",
	"deep lists":          "services: a: command: " + strings.Repeat("[", 400000) + strings.Repeat("]", 400000) + "\n",
	"deep parentheses":    "services: a: replicas: " + strings.Repeat("(", 400000) + "1" + strings.Repeat(")", 400000) + "\n",
	"repeated text":       "import \"strings\"\nservices: a: image: strings.Repeat(\"x\", 1500000000)\n",
	"multiplied text":     "services: a: image: 200000000 * \"x\"\n",
	"a power":             "import \"math\"\nservices: a: replicas: math.Pow(10, 100000000)\n",
	"a large number":      "services: a: replicas: 1" + strings.Repeat("0", 900000) + "\n",
	"a large exponent":    "services: a: replicas: 1e999999999\n",
	"much output":         "import (\n\"strings\"\n\"list\"\n)\n_t: strings.Repeat(\"x\", 900000)\nservices: a: {image: \"a\", env: {for i in list.Range(0, 100, 1) {\"E\\(i)\": _t}}}\n",
	"a circle of fields":  "_a: b: _a\nservices: a: env: _a\n",
	"a circle of lists":   "_a: [_a]\nservices: a: command: _a\n",
	"combinations":        "import \"list\"\n_p: list.Sort([for i in list.Range(0, 3000000, 1) {-i}], list.Ascending)\nservices: a: image: \"\\(_p[0])\"\n",
	"an evil pattern":     "import \"regexp\"\nservices: a: image: regexp.FindAll(\"(a{1000}){1000}\", \"aaa\", -1)[0]\n",
	"a long formatted":    "import (\n\"text/template\"\n\"list\"\n)\nservices: a: image: template.Execute(\"{{range $i, $x := .}}{{range $.}}{{range $.}}x{{end}}{{end}}{{end}}\", list.Range(0, 3000, 1))\n",
	"a large json":        "import \"encoding/json\"\nservices: a: replicas: json.Unmarshal(" + strconv.Quote(strings.Repeat("[", 300000)) + ")\n",
	"matched repetitions": "import \"list\"\n_s: {for i in list.Range(0, 12000, 1) {\"k\\(i)\": i}}\nservices: a: image: [for k, v in _s for l, w in _s if v == w+1 {k}][0]\n",
}

func doubling() string {
	var b strings.Builder
	b.WriteString("_s0: \"xxxxxxxxxxxxxxxx\"\n")
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&b, "_s%d: \"\\(_s%d)\\(_s%d)\"\n", i, i-1, i-1)
	}
	b.WriteString("services: a: image: _s30\n")
	return b.String()
}

func choices() string {
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "_x: {} | {c%d: string}\n", i)
	}
	b.WriteString("services: a: env: _x\n")
	return b.String()
}

func laughs() string {
	var b strings.Builder
	b.WriteString("_l0: {a: 1}\n")
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&b, "_l%d: {a: _l%d, b: _l%d, c: _l%d}\n", i, i-1, i-1, i-1)
	}
	b.WriteString("services: a: env: _l30\n")
	return b.String()
}

// TestBombs: each ends in one error that a person understands, within the limits,
// and this process does not grow.
func TestBombs(t *testing.T) {
	if len(bombs) < 15 {
		t.Fatalf("%d bombs", len(bombs))
	}
	plain := snapshotOf(map[string]string{"a.cue": "package site\nservices: a: image: \"a\"\n"})
	if _, err := plain.evaluate(t.Context(), tight()); err != nil {
		t.Fatalf("the limits are too tight for any spec: %v", err)
	}
	before := residentMiB(t)
	for _, name := range sortedKeys(bombs) {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := snapshotOf(map[string]string{"a.cue": "package site\n" + bombs[name]}).evaluate(t.Context(), tight())
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("not a problem of the spec: %v", err)
			}
			if len(err.Error()) > 2000 {
				t.Errorf("%d characters of error: %.300s", len(err.Error()), err)
			}
			t.Logf("%v: %.200s", time.Since(start).Round(time.Millisecond), err)
		})
	}
	if grown := residentMiB(t) - before; grown > 64 {
		t.Errorf("this process has grown by %d MiB", grown)
	}
}

// residentMiB is the memory that this process occupies.
func residentMiB(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// endless runs until it is stopped.
const endless = "package site\nimport \"list\"\n_r: list.Range(0, 20000, 1)\nservices: a: replicas: len([for i in _r for j in _r if i == j+1 {0}])\n"

// TestCancel: the child ends with the caller's patience, and is waited for.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := snapshotOf(map[string]string{"a.cue": endless}).Evaluate(ctx)
		done <- err
	}()
	child := awaitChild(t)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the cancellation", err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the evaluation does not end")
	}
	if err := unix.Kill(child, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("child %d is still there: %v", child, err)
	}
}

// A machine that has no time for an evaluation, as while everything starts at once,
// says nothing of the spec: it is not invalid, and is tried again.
func TestEvaluationThatGetsNoTime(t *testing.T) {
	l := tight()
	l.time = 2 * time.Second
	done := make(chan error, 1)
	go func() {
		_, err := snapshotOf(map[string]string{"a.cue": endless}).evaluate(t.Context(), l)
		done <- err
	}()
	// Until it has begun to evaluate, whoever starts it waits for it without a limit.
	child, line := 0, []byte(nil)
	for !bytes.Contains(line, []byte(childArg)) {
		child = awaitChild(t)
		line, _ = os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child))
	}
	if err := unix.Kill(child, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var problems Problems
	if err := <-done; err == nil || errors.As(err, &problems) {
		t.Errorf("got %v, want an error that is not the spec's", err)
	}
}

// So does one on which no process can be started.
func TestChildThatCannotBeStarted(t *testing.T) {
	var usual unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &usual); err != nil {
		t.Fatal(err)
	}
	none := usual
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := snapshotOf(map[string]string{"a.cue": fine}).Evaluate(t.Context())
	if again := unix.Setrlimit(unix.RLIMIT_NOFILE, &usual); again != nil {
		t.Fatal(again)
	}
	var problems Problems
	if err == nil || errors.As(err, &problems) {
		t.Errorf("got %v, want an error that is not the spec's", err)
	}
}

// awaitChild is the id of the evaluating child, once there is one.
func awaitChild(t *testing.T) int {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 20000 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
			if ids := strings.Fields(string(text)); err == nil && len(ids) > 0 {
				id, _ := strconv.Atoi(ids[0])
				return id
			}
		}
		<-tick.C
	}
	t.Fatal("there is no child")
	return 0
}
