package git

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Version is a semantic version (semver.org), with or without a v before it.
type Version struct {
	Major, Minor, Patch uint64
	Pre                 string
}

var (
	version = regexp.MustCompile(`^v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$`)
	partial = regexp.MustCompile(`^v?(\d{1,9}|[xX*])(?:\.(\d{1,9}|[xX*]))?(?:\.(\d{1,9}|[xX*]))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$`)
	// operator joins an operator to its version where they were written apart.
	operator = regexp.MustCompile(`(>=|<=|>|<|=|\^|~)\s+`)
)

// ParseVersion reads a whole version.
func ParseVersion(text string) (Version, bool) {
	f := version.FindStringSubmatch(text)
	if f == nil {
		return Version{}, false
	}
	return Version{number(f[1]), number(f[2]), number(f[3]), f[4]}, true
}

func number(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// Compare orders versions; one with a pre-release part comes before the one without.
func (v Version) Compare(o Version) int {
	if c := cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch)); c != 0 {
		return c
	}
	switch {
	case v.Pre == o.Pre:
		return 0
	case v.Pre == "":
		return 1
	case o.Pre == "":
		return -1
	}
	a, b := strings.Split(v.Pre, "."), strings.Split(o.Pre, ".")
	for i := range min(len(a), len(b)) {
		if c := comparePart(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// comparePart: numbers by value and before words.
func comparePart(a, b string) int {
	n, errN := strconv.ParseUint(a, 10, 64)
	m, errM := strconv.ParseUint(b, 10, 64)
	switch {
	case errN == nil && errM == nil:
		return cmp.Compare(n, m)
	case errN == nil:
		return -1
	case errM == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// A Range is a set of versions: any of its alternatives.
type Range []span

// A span is from low up to but not including high.
type span struct {
	low, high Version
	// pre: pre-releases are wanted, because the range names one.
	pre bool
}

// highest is above every version.
var highest = Version{Major: 1 << 60}

// ParseRange reads ranges as npm and Cargo write them: 1.2.x, ^1.2, ~1.2.3,
// ">=1.2 <2", joined by ||.
func ParseRange(text string) (Range, error) {
	var r Range
	for alternative := range strings.SplitSeq(text, "||") {
		s := span{high: highest}
		terms := strings.FieldsFunc(operator.ReplaceAllString(alternative, "$1"), func(c rune) bool { return c == ' ' || c == ',' })
		if len(terms) == 0 {
			return nil, fmt.Errorf("%q is no range of versions; write for example ^1.2 or >=1.2 <2", text)
		}
		for _, term := range terms {
			t, ok := parseTerm(term)
			if !ok {
				return nil, fmt.Errorf("%q is no range of versions; write for example ^1.2 or >=1.2 <2", text)
			}
			s.pre = s.pre || t.pre
			if t.low.Compare(s.low) > 0 {
				s.low = t.low
			}
			if t.high.Compare(s.high) < 0 {
				s.high = t.high
			}
		}
		r = append(r, s)
	}
	return r, nil
}

// Has says whether the version is in the range.
func (r Range) Has(v Version) bool {
	for _, s := range r {
		if v.Compare(s.low) >= 0 && v.Compare(s.high) < 0 && (v.Pre == "" || s.pre) {
			return true
		}
	}
	return false
}

// parseTerm reads one comparison.
func parseTerm(term string) (span, bool) {
	rest := strings.TrimLeft(term, "<>=^~")
	op := term[:len(term)-len(rest)]
	f := partial.FindStringSubmatch(rest)
	if f == nil {
		return span{}, false
	}
	parts := 0 // how many numbers there are before a wildcard
	for parts < 3 && f[parts+1] != "" && !strings.ContainsAny(f[parts+1], "xX*") {
		parts++
	}
	if f[4] != "" && parts < 3 {
		return span{}, false
	}
	v := Version{number(f[1]), number(f[2]), number(f[3]), f[4]}
	after := v.after(parts)
	s := span{low: v, high: highest, pre: f[4] != ""}
	switch op {
	case "", "=":
		s.high = after
	case "^":
		s.high = v.compatible(parts)
	case "~":
		s.high = v.after(min(parts, 2))
	case ">=":
	case ">":
		s.low = after
	case "<":
		s.low, s.high = Version{}, v.floor()
	case "<=":
		s.low, s.high = Version{}, after
	default:
		return span{}, false
	}
	return s, true
}

// floor excludes the pre-releases of the version, too, unless it is one.
func (v Version) floor() Version {
	if v.Pre == "" {
		v.Pre = "0"
	}
	return v
}

// after is the first version that the given leading numbers don't cover.
func (v Version) after(parts int) Version {
	switch {
	case parts == 0:
		return highest
	case parts == 1:
		return Version{Major: v.Major + 1}.floor()
	case parts == 2:
		return Version{Major: v.Major, Minor: v.Minor + 1}.floor()
	case v.Pre != "":
		v.Pre += ".0"
		return v
	}
	return Version{Major: v.Major, Minor: v.Minor, Patch: v.Patch + 1}.floor()
}

// compatible is the end of a caret range: up to the next change of the first
// number that is not zero.
func (v Version) compatible(parts int) Version {
	switch {
	case v.Major > 0 || parts <= 1:
		return v.after(min(parts, 1))
	case v.Minor > 0 || parts == 2:
		return v.after(2)
	}
	return v.release().after(3)
}

func (v Version) release() Version {
	v.Pre = ""
	return v
}
