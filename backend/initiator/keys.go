package initiator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The maximum lengths of keys and values in a login (RFC 7143, 6.1). The longest values are binary, in hex
// digits.
const (
	maxKey    = 63
	maxBinary = 1024
	maxValue  = 2 + 2*maxBinary
)

// text formats keys and values (RFC 7143, 6.1).
func text(pairs [][2]string) []byte {
	var b strings.Builder
	for _, p := range pairs {
		b.WriteString(p[0] + "=" + p[1] + "\x00")
	}
	return []byte(b.String())
}

// keys parses keys and values.
func keys(data []byte) [][2]string {
	var pairs [][2]string
	for part := range strings.SplitSeq(string(data), "\x00") {
		if key, value, ok := strings.Cut(part, "="); ok {
			pairs = append(pairs, [2]string{key, value})
		}
	}
	return pairs
}

// uniqueKeys parses the keys of an answer in a login. It rejects duplicate keys, and keys and values that are
// too long.
func uniqueKeys(data []byte) ([][2]string, error) {
	pairs := keys(data)
	seen := map[string]bool{}
	for _, p := range pairs {
		switch {
		case len(p[0]) > maxKey || len(p[1]) > maxValue:
			return nil, fmt.Errorf("the target sends a key of %d bytes with a value of %d", len(p[0]), len(p[1]))
		case seen[p[0]]:
			return nil, fmt.Errorf("the target sends the key %q twice", p[0])
		}
		seen[p[0]] = true
	}
	return pairs, nil
}

// securityKeys lists the keys that authenticate a side (RFC 7143, 12.1).
var securityKeys = []string{"AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R"}

// security returns the values of authentication keys. The answer must contain exactly these authentication
// keys.
func (in answer) security(names ...string) ([]string, error) {
	values := make([]string, len(names))
	found := 0
	for _, p := range in.keys {
		if !slices.Contains(securityKeys, p[0]) {
			continue
		}
		i := slices.Index(names, p[0])
		if i < 0 {
			return nil, fmt.Errorf("the target sends the key %s where it must not", p[0])
		}
		values[i] = p[1]
		found++
	}
	if found < len(names) {
		return nil, errors.New("the target does not send all of the keys " + strings.Join(names, ", "))
	}
	return values, nil
}

// value returns the value of a key, or "" if the key is missing.
func (in answer) value(name string) string {
	for _, p := range in.keys {
		if p[0] == name {
			return p[1]
		}
	}
	return ""
}
