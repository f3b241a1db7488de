package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// A Sum is a checksum. The zero value is none.
type Sum struct {
	Algorithm string // sha256, sha512
	Hex       string // lower case
}

func (s Sum) isKnown() bool { return s.Algorithm != "" }

// digits are how many hexadecimal digits the sum of an algorithm has.
var digits = map[int]string{64: "sha256", 128: "sha512"}

// ParseSum returns the checksum with hexadecimal digits, whose number shows the algorithm. ok is false if
// they are none.
func ParseSum(text string) (sum Sum, ok bool) {
	text = strings.ToLower(text)
	algorithm := digits[len(text)]
	if algorithm == "" || strings.Trim(text, "0123456789abcdef") != "" {
		return Sum{}, false
	}
	return Sum{algorithm, text}, true
}

// A Checksums is a list of checksums on a server, as distributions publish it beside their images.
type Checksums struct {
	URL       string
	Signature string // URL of a detached signature by OpenPGP; empty: none
	Keyring   string // file of the keys that may have signed; required for a signature
}

// Find returns the checksum of the source's file. It queries the server, and checks the signature.
func (c Checksums) Find(ctx context.Context, h host.Host, s Source) (Sum, error) {
	list, err := s.query(ctx, h, c.URL)
	if err != nil {
		return Sum{}, err
	}
	if c.Signature != "" {
		signature, err := s.query(ctx, h, c.Signature)
		if err != nil {
			return Sum{}, err
		}
		if err := c.verify(ctx, h, list, signature); err != nil {
			return Sum{}, err
		}
	}
	return findSum(c.URL, string(list), baseName(s.URL))
}

// verify has gpgv check the signature of a list.
func (c Checksums) verify(ctx context.Context, h host.Host, list, signature []byte) error {
	g := host.Cmd("gpgv", "--quiet", "--keyring", "/dev/fd/3", "/dev/fd/4", "/dev/fd/5")
	g.Inputs = []host.Input{
		{File: c.Keyring, Late: true}, {File: c.Signature, Data: signature}, {File: c.URL, Data: list},
	}
	g.Confined = &host.Confinement{}
	_, err := h.Query(ctx, g)
	if exit, ok := errors.AsType[*host.ExitError](err); ok {
		return &SignatureError{URL: c.Signature, Text: strings.ReplaceAll(exit.Stderr, "\n", "; ")}
	}
	return err
}

// The lines of lists: of coreutils (SUM  NAME, SUM *NAME) and of BSD (SHA256 (NAME) = SUM).
var (
	plainLine = lazy.Regexp(`^\\?([0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})(?: [ *](?:\./)?(.*))?$`)
	bsdLine   = lazy.Regexp(`^SHA(?:256|512) ?\((.*)\) ?= ?([0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})$`)
)

// findSum returns the checksum of a file in a list, the longest if there are several. A list without names
// has one sum.
func findSum(address, list, name string) (Sum, error) {
	found := map[string]Sum{}
	for line := range strings.Lines(list) {
		line = strings.TrimRight(line, " \t\r\n")
		named, text := "", ""
		if m := plainLine().FindStringSubmatch(line); m != nil {
			text, named = m[1], m[2]
			if named == "" && strings.TrimSpace(list) == line {
				named = name
			}
		} else if m := bsdLine().FindStringSubmatch(line); m != nil {
			named, text = m[1], m[2]
		}
		sum, ok := ParseSum(text)
		if !ok || named != name || name == "" {
			continue
		}
		if other, has := found[sum.Algorithm]; has && other != sum {
			return Sum{}, &ListError{address, fmt.Sprintf("has two different %s checksums of %q", sum.Algorithm, name)}
		}
		found[sum.Algorithm] = sum
	}
	for _, algorithm := range []string{"sha512", "sha256"} {
		if sum, has := found[algorithm]; has {
			return sum, nil
		}
	}
	return Sum{}, &ListError{address, fmt.Sprintf("has no sha256 or sha512 checksum of %q", name)}
}

// A SumError reports that data of a server are not those of the checksum.
type SumError struct {
	URL string
	Err error
}

func (e *SumError) Error() string { return fmt.Sprintf("%s: %v", e.URL, e.Err) }

// Kind implements [fault.Error].
func (*SumError) Kind() fault.Kind { return fault.Failed }

// Unwrap returns Err.
func (e *SumError) Unwrap() error { return e.Err }

// A ListError reports that a list of checksums does not have the wanted one.
type ListError struct{ URL, Text string }

func (e *ListError) Error() string { return e.URL + " " + e.Text }

// Kind implements [fault.Error].
func (*ListError) Kind() fault.Kind { return fault.Failed }

// A SignatureError reports that a list of checksums is not signed by a key of the keyring.
type SignatureError struct{ URL, Text string }

func (e *SignatureError) Error() string {
	return fmt.Sprintf("the signature %s is not valid: %s", e.URL, e.Text)
}

// Kind implements [fault.Error].
func (*SignatureError) Kind() fault.Kind { return fault.Failed }

// HintLine implements [fault.Hinter]. gpgv takes the hyphen at the start of an armored keyring for a packet.
func (e *SignatureError) HintLine() string {
	if strings.Contains(e.Text, "invalid packet (ctb=2d)") {
		return "gpgv needs a keyring that is not armored: gpg --dearmor <KEYS >KEYRING"
	}
	return ""
}
