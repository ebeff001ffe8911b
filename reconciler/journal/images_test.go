package journal_test

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func prove(j *journal.Journal, image string) {
	_ = j.Prove(plan.Prove{Service: "web", Release: spec.Release{ImageID: image, Service: spec.Service{Name: "web"}}})
}

// The images of the good releases before the last good one are recalled, the newest
// first, and those of the newest good revisions; also after a restart.
func TestImagesARollbackMayWant(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for n := range 6 {
		name := fmt.Sprint("r", n)
		j.Remember(revision(name), journal.Origin{})
		j.Pin(name, "web:1", fmt.Sprint("pinned", n))
		if n != 4 { // which was never reached
			j.SetGood(name)
		}
	}
	for _, image := range []string{"a", "b", "b", "c", "d"} {
		prove(j, image)
	}
	for range 2 {
		recall := j.Recall()
		if want := []string{"c", "b"}; !slices.Equal(recall["web"], want) {
			t.Errorf("of web %v are recalled, want %v", recall["web"], want)
		}
		slices.Sort(recall[""])
		if want := []string{"pinned2", "pinned3", "pinned5"}; !slices.Equal(recall[""], want) {
			t.Errorf("of revisions %v are recalled, want %v", recall[""], want)
		}
		j = reopen(t, dir, j)
	}
	// Who has gone back to one may go back further.
	j.SetSite(revision("r2"))
	recalled := j.Recall()[""]
	slices.Sort(recalled)
	if want := []string{"pinned0", "pinned1", "pinned2", "pinned3", "pinned5"}; !slices.Equal(recalled, want) {
		t.Errorf("at r2 %v are recalled, want %v", recalled, want)
	}
	// Back to one of them: what it takes the place of comes before it.
	prove(j, "c")
	if have, want := j.Recall()["web"], []string{"d", "b"}; !slices.Equal(have, want) {
		t.Errorf("gone back, %v are recalled, want %v", have, want)
	}
}

// What havn fetched is remembered over a restart until it is gone.
func TestFetchedImages(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	kept := plan.FetchedImage{Refs: []string{"docker.io/library/web:1"}, Unneeded: time.Now().UTC().Truncate(time.Second)}
	j.KeepImage("sha256:1", kept)
	j.KeepImage("sha256:2", plan.FetchedImage{})
	j.DropImage("sha256:2")
	j = reopen(t, dir, j)
	if have, want := j.Fetched(), map[string]plan.FetchedImage{"sha256:1": kept}; !reflect.DeepEqual(have, want) {
		t.Errorf("known are %v, want %v", have, want)
	}
}

// A journal of before, which knows nothing of images, can be looked at.
func TestLookAtAJournalWithoutImages(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	fill(j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "journal.db"), 0o600, nil)
	if err == nil {
		err = db.Update(func(tx *bolt.Tx) error {
			if err := tx.DeleteBucket([]byte("former")); err != nil {
				return err
			}
			return tx.DeleteBucket([]byte("fetched"))
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	looking, err := journal.Look(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	whole(t, looking)
	if len(looking.Fetched()) != 0 {
		t.Errorf("it knows %v", looking.Fetched())
	}
}
