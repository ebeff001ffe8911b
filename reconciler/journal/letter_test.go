package journal_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestLetters(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	keep := func(id, text string) {
		t.Helper()
		if err := j.Keep(id, json.RawMessage(text)); err != nil {
			t.Errorf("keep %s: %v", id, err)
		}
	}
	keep("a", `{"n":1}`)
	keep("b", `{"n":2}`)
	keep("a", `{"n":3}`)
	j.Drop("b")
	j.Drop("never there")
	for range 2 {
		if kept := j.Kept(); len(kept) != 1 || string(kept["a"]) != `{"n":3}` {
			t.Errorf("kept %s", kept)
		}
		j = reopen(t, dir, j)
	}
	for id, text := range map[string]string{"": `{}`, "no JSON": `{`, "too long": `"` + fmt.Sprintf("%070000d", 0) + `"`} {
		if err := j.Keep(id, json.RawMessage(text)); err == nil {
			t.Errorf("%q is kept", id)
		}
	}
}

// Whoever keeps letters and forgets them does not fill the memory.
func TestLettersAreBounded(t *testing.T) {
	j := open(t, t.TempDir())
	refused := false
	for i := 0; i < 20_000 && !refused; i++ {
		refused = j.Keep(fmt.Sprint(i), json.RawMessage(`1`)) != nil
	}
	if n := len(j.Kept()); !refused || n > 5_000 {
		t.Errorf("%d letters are kept", n)
	}
	if err := j.Keep("0", json.RawMessage(`2`)); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	j.Drop("0")
	if err := j.Keep("new", json.RawMessage(`2`)); err != nil {
		t.Errorf("after one is gone: %v", err)
	}
}
