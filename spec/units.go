package spec

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// bytesOf reads a size as specs write it: "64k", "8m", "1g", or a number. The
// units are powers of 1024, as nginx and Docker have them.
func bytesOf(s string) (int64, error) {
	unit := int64(1)
	if s != "" {
		switch s[len(s)-1] {
		case 'k', 'K':
			unit = 1 << 10
		case 'm', 'M':
			unit = 1 << 20
		case 'g', 'G':
			unit = 1 << 30
		}
		if unit > 1 {
			s = s[:len(s)-1]
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return n * unit, nil
}

// A size is written as a number or as a string with a unit.
type size struct {
	set   bool
	bytes int64
}

func (z *size) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	n, err := bytesOf(s)
	*z = size{true, n}
	return err
}

func (z size) or(otherwise int64) int64 {
	if z.set {
		return z.bytes
	}
	return otherwise
}

// A period is a duration, or not given.
type period struct {
	set bool
	d   Duration
}

func (p *period) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	d, err := time.ParseDuration(s)
	*p = period{true, Duration(d)}
	return err
}

func (p period) or(otherwise time.Duration) Duration {
	if p.set {
		return p.d
	}
	return Duration(otherwise)
}

// A scalar is a string, a number or a boolean, kept as text.
type scalar string

func (s *scalar) UnmarshalJSON(text []byte) error {
	var str string
	if json.Unmarshal(text, &str) == nil {
		*s = scalar(str)
		return nil
	}
	*s = scalar(text)
	return nil
}

// orDefault returns v, or otherwise if v is the zero value.
func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
