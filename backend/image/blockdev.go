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

// jsonFile returns the file that qemu's JSON names. As in libvirt, an outer object without a driver is the
// file's parent, and one raw driver may be above the file; other formats above it are not accepted for
// backing files. Every key must be known: other keys ("backing", "data-file", "offset", ...) make qemu open
// more files or show other bytes. qemu itself writes no other keys for a plain file into a header.
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
			return "", errors.New("no file is named")
		}
		return file, n.only("driver", "filename")
	default:
		return "", fmt.Errorf("the driver %q is not for a file or device", driver)
	}
}

// A node is an object of qemu's block device options (qemu-block-drivers(7)).
type node map[string]json.RawMessage

// parseNode parses an object. encoding/json is less strict than qemu, which rejects duplicate keys and text
// that is not UTF-8. parseNode rejects them too, because the two could interpret them differently.
func parseNode(text string) (node, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	var n node
	if err := json.Unmarshal([]byte(text), &n); err != nil || n == nil {
		return nil, errors.New("not a JSON object")
	}
	return n, checkUnique(text)
}

// checkUnique returns an error if an object in valid JSON has a duplicate key. It does not check nested
// objects.
func checkUnique(text string) error {
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
			return fmt.Errorf("the key %q occurs twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// onlyFile returns the object "file" of a node that has no other keys than the given ones. The object may be
// nested or flattened ("file.driver"), but not both.
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
		return nil, errors.New(`the key "file" occurs twice`)
	}
	return parseNode(string(nested))
}

// only returns an error if the node has a key that is not among the given ones.
func (n node) only(keys ...string) error {
	for _, key := range slices.Sorted(maps.Keys(n)) {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("unknown key %q", key)
		}
	}
	return nil
}

// text returns the string with a name. It returns "" if the string is missing, is not a string, or could have
// another value for qemu, such as with a NUL or the replacement character that encoding/json uses for half a
// surrogate pair.
func (n node) text(name string) string {
	var text string
	if json.Unmarshal(n[name], &text) != nil || strings.ContainsAny(text, "\x00\ufffd") {
		return ""
	}
	return text
}
