package journal_test

import (
	"fmt"
	"hash/crc32"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"havn.internal/reconciler/journal"
)

// A journal from before sites were kept goes on, with the images of its revision.
func TestJournalOfBefore(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	fill(j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "journal.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket([]byte("sites")); err != nil {
			return err
		}
		key, value := "latest", `{"revision":"rev1","images":{"web:1":"sha256:1"}}`
		pins := tx.Bucket([]byte("pins"))
		if err := pins.Delete([]byte("rev1")); err != nil {
			return err
		}
		return pins.Put([]byte(key), fmt.Appendf(nil, "%08x %s", crc32.ChecksumIEEE([]byte(key+value)), value))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir)
	whole(t, j)
	if len(j.Sites()) != 0 {
		t.Error("there are sites")
	}
	// Its pins are kept with its site, and go when that goes.
	j.Remember(site, journal.Origin{})
	j.Pin("rev2", "web:1", "sha256:2")
	j = reopen(t, dir, j)
	if j.Pins("rev1")["web:1"] != "sha256:1" || j.Pins("rev2")["web:1"] != "sha256:2" || len(j.Sites()) != 1 {
		t.Errorf("pins %v and %v, %d sites", j.Pins("rev1"), j.Pins("rev2"), len(j.Sites()))
	}
	for i := range 25 {
		j.SetSite(revision(fmt.Sprintf("n%d", i)))
		j.Remember(revision(fmt.Sprintf("n%d", i)), journal.Origin{})
	}
	j = reopen(t, dir, j)
	if len(j.Pins("rev1")) != 0 {
		t.Errorf("the images of a revision that is forgotten are kept: %v", j.Pins("rev1"))
	}
}
