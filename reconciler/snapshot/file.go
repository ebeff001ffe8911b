package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxSize bounds a file. A thousand services of two replicas take about 4 MB.
const MaxSize = 16 << 20

// Encode returns the file, one object a line so that two of them can be compared.
func (s Snapshot) Encode() ([]byte, error) {
	sum, err := s.sum()
	if err != nil {
		return nil, err
	}
	s.Sum = sum
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write a snapshot: %w", err)
	}
	text = lay(text)
	if len(text) >= MaxSize {
		return nil, fmt.Errorf("write a snapshot: the host takes %d bytes, more than a snapshot may have (%d)", len(text), MaxSize)
	}
	return append(text, '\n'), nil
}

// folded is how deep an object or a list is that stays on one line.
const folded = 3

// lay breaks compact JSON into lines.
func lay(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/16)
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			out = append(out, c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth < folded && text[i+1] != c+2 {
				out = append(append(out, c, '\n'), spaces[:depth]...)
				continue
			}
		case c == '}' || c == ']':
			if depth--; depth < folded-1 && text[i-1] != c-2 {
				out = append(append(out, '\n'), spaces[:depth]...)
			}
		case c == ',' && depth < folded:
			out = append(append(out, c, '\n'), spaces[:depth]...)
			continue
		}
		out = append(out, c)
	}
	return out
}

var spaces = bytes.Repeat([]byte{' '}, folded)

func (s Snapshot) sum() (string, error) {
	s.Sum = ""
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write a snapshot: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Read reads a file to its end and checks all of it. The error says in one line
// what is wrong.
func Read(r io.Reader) (Snapshot, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return Snapshot{}, err
	case len(text) > MaxSize:
		return Snapshot{}, fmt.Errorf("is larger than %d MiB, expected a file that `havn status --snapshot` wrote", MaxSize>>20)
	}
	return Decode(text)
}

// Decode is Read for bytes.
func Decode(text []byte) (Snapshot, error) {
	s, err := parse(text)
	if err != nil {
		return Snapshot{}, err
	}
	if sum, err := s.sum(); err != nil || sum != s.Sum {
		return Snapshot{}, errors.New("was damaged or edited (its checksum is wrong); write it anew with `havn status --snapshot`")
	}
	if err := s.check(); err != nil {
		return Snapshot{}, fmt.Errorf("describes a host that can't be: %w", err)
	}
	return s, nil
}

func parse(text []byte) (Snapshot, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return Snapshot{}, unreadable(text, err)
	}
	switch {
	case head.Format != Format:
		return Snapshot{}, errors.New("is no host snapshot, expected a file that `havn status --snapshot` wrote")
	case head.Version != Version:
		return Snapshot{}, fmt.Errorf("is a snapshot of version %d, this havn reads version %d; use the havn of the host", head.Version, Version)
	}
	var s Snapshot
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Snapshot{}, unreadable(text, err)
	}
	return s, nil
}

func unreadable(text []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("is empty, expected a file that `havn status --snapshot` wrote")
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(bytes.TrimRight(text, "\n"))):
		return errors.New("ends too early: it was cut short")
	case errors.As(err, &syntax):
		return fmt.Errorf("is damaged at byte %d: %s", syntax.Offset, shorten(err))
	}
	return fmt.Errorf("can't be read: %s", shorten(err))
}

// shorten bounds a message that quotes the file.
func shorten(err error) string { return fmt.Sprintf("%.200q", err.Error()) }
