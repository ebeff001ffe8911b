package journal

import (
	"encoding/json"
	"errors"
	"maps"
)

const (
	// maxLetters and maxLetter bound what is kept for others; a letter's size is in
	// bytes.
	maxLetters = 5_000
	maxLetter  = 64 << 10
)

// Keep keeps a letter for somebody else, JSON, in place of the one with its ID. What
// is in it is no concern of the journal.
func (j *Journal) Keep(id string, letter json.RawMessage) error {
	if id == "" || len(letter) > maxLetter || !json.Valid(letter) {
		return errors.New("journal: no letter to keep")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, has := j.letters[id]; !has && len(j.letters) >= maxLetters {
		return errors.New("journal: too many letters are kept")
	}
	j.letters[id] = letter
	j.enqueue(entry{bucket: bucketLetters, key: []byte(id), value: letter})
	return nil
}

// Kept returns the letters by their IDs.
func (j *Journal) Kept() map[string]json.RawMessage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.letters)
}

// Drop forgets a letter.
func (j *Journal) Drop(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, has := j.letters[id]; has {
		delete(j.letters, id)
		j.enqueue(entry{bucket: bucketLetters, key: []byte(id)})
	}
}
