package spec

import "testing"

func TestFileOwner(t *testing.T) {
	for _, c := range []struct {
		mode     uint32
		user     string
		uid, gid int
		ok       bool
	}{
		{0o444, "1000", 0, 0, true},
		{0o644, "app", 0, 0, true},
		{0o400, "1000", 1000, 0, true},
		{0o400, "1000:100", 1000, 100, true},
		{0o400, "1000:staff", 1000, 0, true},
		{0o440, "1000:100", 1000, 100, true},
		{0o500, "1000", 1000, 0, true},
		{0o744, "1000", 1000, 0, true}, // others may not execute it
		{0o744, "app", 0, 0, true},     // it can be read
		{0o400, "app", 0, 0, false},
		{0o440, "app:100", 0, 100, true},
		{0o400, "app:100", 0, 0, false},
		{0o400, "root", 0, 0, true},
		{0o400, "0", 0, 0, true},
		{0o040, "1000", 0, 0, false},
		{0o000, "1000", 0, 0, true}, // nobody may anything
		{0o400, "99999999999", 0, 0, false},
	} {
		uid, gid, ok := File{Mode: c.mode}.Owner(c.user)
		if uid != c.uid || gid != c.gid || ok != c.ok {
			t.Errorf("mode %04o for user %s: %d:%d, %v, want %d:%d, %v", c.mode, c.user, uid, gid, ok, c.uid, c.gid, c.ok)
		}
	}
}
