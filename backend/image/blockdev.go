package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// jsonFile returns the file that qemu's JSON names. An outer object without a driver is the file's parent,
// and one raw driver may stand above the file; other formats above it are nobody's backing file (libvirt's
// rules). Every key has to be one that is understood here: others ("backing", "data-file", "offset", ...)
// have qemu open more files, or show other bytes. What qemu itself writes into a header for a plain file has
// no others.
func jsonFile(text string) (string, error) {
	n, err := parseNode(text)
	if err != nil {
		return "", err
	}
	if _, found := n["driver"]; !found {
		n, err = n.onlyFile()
	}
	if err == nil && n.text("driver") == "raw" {
		n, err = n.onlyFile("driver")
	}
	if err != nil {
		return "", err
	}
	switch driver := n.text("driver"); driver {
	case "file", "host_device", "host_cdrom":
		file := n.text("filename")
		if file == "" {
			return "", errors.New("it names no file")
		}
		return file, n.only("driver", "filename")
	default:
		return "", fmt.Errorf("the driver %q is not one of a file or device", driver)
	}
}

// A node is an object of qemu's block device options (qemu-block-drivers(7)).
type node map[string]json.RawMessage

// parseNode reads an object. encoding/json is laxer than qemu, which refuses a key that comes twice, and text
// that is not UTF-8: of these one could be read here and another there.
func parseNode(text string) (node, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	var n node
	if err := json.Unmarshal([]byte(text), &n); err != nil || n == nil {
		return nil, errors.New("it is not an object in JSON")
	}
	return n, eachOnce(text)
}

// eachOnce refuses an object, which is valid JSON, with a key that comes twice. Objects within it are left to
// those who read them.
func eachOnce(text string) error {
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if seen[key] {
			return fmt.Errorf("the key %q comes twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// onlyFile returns the object "file" of a node that has nothing else but these keys. It stands there as one
// or flattened, as in "file.driver"; one that does both is not understood.
func (n node) onlyFile(keys ...string) (node, error) {
	flat, rest := node{}, node{}
	for key, value := range n {
		if inner, found := strings.CutPrefix(key, "file."); found {
			flat[inner] = value
		} else {
			rest[key] = value
		}
	}
	if err := rest.only(append(keys, "file")...); err != nil {
		return nil, err
	}
	nested, found := n["file"]
	switch {
	case !found:
		return flat, nil
	case len(flat) > 0:
		return nil, errors.New(`the key "file" comes twice`)
	}
	return parseNode(string(nested))
}

// only refuses all keys but these.
func (n node) only(keys ...string) error {
	for _, key := range slices.Sorted(maps.Keys(n)) {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("the key %q is not understood", key)
		}
	}
	return nil
}

// text returns the string named name, empty when it is missing, is none, or may be another for qemu, as with a NUL or the replacement
// character that encoding/json has for half a surrogate pair.
func (n node) text(name string) string {
	var text string
	if json.Unmarshal(n[name], &text) != nil || strings.ContainsAny(text, "\x00\ufffd") {
		return ""
	}
	return text
}
