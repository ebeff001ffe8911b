package trust

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
)

// A Signer is one line of an allowed signers file (ssh-keygen(1)).
type Signer struct {
	Principals string
	// Fingerprint is that of the key, as SHA256:...
	Fingerprint string
	// Namespaces are what the key may sign; empty is everything.
	Namespaces    string
	After, Before time.Time
}

// maxSigners bounds an allowed signers file.
const maxSigners = 1 << 20

// ReadSigners reads an allowed signers file.
func ReadSigners(file string) ([]Signer, error) {
	i, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if i.Size() > maxSigners {
		return nil, fmt.Errorf("%s is larger than 1 MiB", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	signers, err := ParseSigners(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s, %w", file, err)
	}
	return signers, nil
}

// ParseSigners reads the text of an allowed signers file. A line that can't be read
// is an error, for it may be the one that restricts a key. Times without a zone are
// UTC.
func ParseSigners(text string) ([]Signer, error) {
	var signers []Signer
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		signers = append(signers, s)
	}
	return signers, nil
}

func parseSigner(line string) (Signer, error) {
	fields, err := fieldsOf(line)
	if err != nil {
		return Signer{}, err
	}
	const form = "a line is: who, options if any, key type, key"
	if len(fields) < 3 {
		return Signer{}, errors.New(form)
	}
	if _, err := fingerprint(fields[0], fields[1]); err == nil {
		return Signer{}, errors.New("it begins with a key; " + form)
	}
	s := Signer{Principals: strings.Trim(fields[0], `"`)}
	var fault error
	if s.Fingerprint, fault = fingerprint(fields[1], fields[2]); fault == nil {
		return s, nil
	}
	if len(fields) < 4 {
		return Signer{}, fault
	}
	if s.Fingerprint, err = fingerprint(fields[2], fields[3]); err != nil {
		return Signer{}, err
	}
	return s, s.options(fields[1])
}

// fieldsOf splits at spaces outside of quotes.
func fieldsOf(line string) ([]string, error) {
	var fields []string
	var field strings.Builder
	quoted := false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
			field.WriteRune(c)
		case (c == ' ' || c == '\t') && !quoted:
			if field.Len() > 0 {
				fields = append(fields, field.String())
			}
			field.Reset()
		case c < ' ' || c == 0x7f:
			return nil, fmt.Errorf("a control character")
		default:
			field.WriteRune(c)
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if field.Len() > 0 {
		fields = append(fields, field.String())
	}
	return fields, nil
}

// fingerprint is ssh-keygen -l of a public key.
func fingerprint(kind, key string) (string, error) {
	blob, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil {
		return "", fmt.Errorf("the key is not base64")
	}
	parts := wireStrings(blob)
	switch {
	case len(parts) < 2 || string(parts[0]) != kind:
		return "", fmt.Errorf("the key is not one of the type %q", kind)
	case strings.Contains(kind, "-cert-"):
		return "", fmt.Errorf("a certificate where a public key should be")
	}
	return digest256(blob), nil
}

func digest256(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// wireStrings splits a blob into strings with their length before them, which every
// SSH public key is (RFC 4253, 6.6); nil if it is anything else.
func wireStrings(blob []byte) [][]byte {
	var parts [][]byte
	for len(blob) > 0 {
		if len(blob) < 4 || uint64(binary.BigEndian.Uint32(blob)) > uint64(len(blob)-4) {
			return nil
		}
		end := 4 + binary.BigEndian.Uint32(blob)
		parts, blob = append(parts, blob[4:end]), blob[end:]
	}
	return parts
}

// signatureKey is the fingerprint of the key that an armored SSH signature says it
// was made with (PROTOCOL.sshsig); "" if it can't be read.
func signatureKey(armored string) string {
	var text strings.Builder
	for line := range strings.Lines(armored) {
		if !strings.HasPrefix(line, "-----") {
			text.WriteString(strings.TrimSpace(line))
		}
	}
	blob, err := base64.StdEncoding.DecodeString(text.String())
	if err != nil || len(blob) < 10 || string(blob[:6]) != "SSHSIG" {
		return ""
	}
	parts := wireStrings(blob[10:]) // after the version
	if len(parts) == 0 {
		return ""
	}
	return digest256(parts[0])
}

// options reads name="value" pairs between commas.
func (s *Signer) options(text string) error {
	for len(text) > 0 {
		name, rest, _ := strings.Cut(text, "=")
		if !strings.HasPrefix(rest, `"`) {
			// An option without a value; there is one, and it is not supported.
			name, _, _ = strings.Cut(text, ",")
			return fmt.Errorf("the option %q is not supported here; list each key", name)
		}
		value, after, ok := strings.Cut(rest[1:], `"`)
		if !ok || after != "" && after[0] != ',' {
			return fmt.Errorf("the options can't be read")
		}
		if err := s.option(strings.ToLower(name), value); err != nil {
			return err
		}
		text = strings.TrimPrefix(after, ",")
	}
	return nil
}

func (s *Signer) option(name, value string) (err error) {
	switch name {
	case "namespaces":
		s.Namespaces = value
	case "valid-after":
		s.After, err = timestamp(value)
	case "valid-before":
		s.Before, err = timestamp(value)
	default:
		err = fmt.Errorf("the option %q is not supported here", name)
	}
	return err
}

func timestamp(value string) (time.Time, error) {
	plain := strings.TrimSuffix(value, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, plain); err == nil && len(plain) == len(layout) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: YYYYMMDD or YYYYMMDDHHMM[SS], with or without a Z", value)
}

// refuses says why the signer's key does not count now; "" if it does.
func (s Signer) refuses(now time.Time) string {
	switch {
	case !s.signsGit():
		return "whose key is not for git (namespaces=\"" + s.Namespaces + "\")"
	case !s.After.IsZero() && now.Before(s.After):
		return "whose key is valid only after " + s.After.UTC().Format(moment) + ", and this host's clock says " + now.UTC().Format(moment)
	case !s.Before.IsZero() && !now.Before(s.Before):
		return "whose key is valid only before " + s.Before.UTC().Format(moment) + ": it has expired"
	}
	return ""
}

// signsGit matches the list of namespaces as ssh-keygen does.
func (s Signer) signsGit() bool {
	if s.Namespaces == "" {
		return true
	}
	found := false
	for pattern := range strings.SplitSeq(s.Namespaces, ",") {
		positive := strings.TrimPrefix(pattern, "!")
		// ssh-keygen's patterns know * and ? alone.
		ok, err := path.Match(strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(positive), "git")
		if err != nil || !ok {
			continue
		}
		if positive != pattern {
			return false
		}
		found = true
	}
	return found
}
