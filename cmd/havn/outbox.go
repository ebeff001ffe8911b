package main

import (
	"encoding/json"

	"havn.internal/gitops/forge"
	"havn.internal/gitops/notice"
	"havn.internal/reconciler/journal"
)

// An outbox keeps what is still to be told in the journal.
type outbox struct{ *journal.Journal }

// Put implements [notice.Outbox].
func (o outbox) Put(e notice.Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return o.Keep(e.ID, text)
}

// List implements [notice.Outbox]. What can't be read is as if it were lost.
func (o outbox) List() ([]notice.Entry, error) {
	var out []notice.Entry
	for id, text := range o.Kept() {
		if id == saidLetter {
			continue
		}
		var e notice.Entry
		if err := json.Unmarshal(text, &e); err != nil || e.ID != id {
			o.Drop(id)
			continue
		}
		out = append(out, e)
	}
	return out, nil
}

// Done implements [notice.Outbox].
func (o outbox) Done(id string) error {
	o.Drop(id)
	return nil
}

// saidLetter is the letter with what the forge was told.
const saidLetter = "forge"

// Said implements [forge.Memory].
func (o outbox) Said() []forge.Said {
	var said []forge.Said
	_ = json.Unmarshal(o.Kept()[saidLetter], &said) // what can't be read is said again
	return said
}

// Say implements [forge.Memory].
func (o outbox) Say(said []forge.Said) {
	if text, err := json.Marshal(said); err == nil {
		_ = o.Keep(saidLetter, text)
	}
}
