package codec

import (
	"bytes"
	"fmt"
	"strings"

	"poolctl/format"
	"poolctl/pooldef"
)

// A Field is a setting of a definition: its key in YAML, and its value.
type Field struct{ Key, Value string }

// PoolFields returns the settings of a pool's definition, with defaults and in one form for each value, so
// that two definitions can be compared. The items of a list are joined by commas.
func PoolFields(p *pooldef.Pool) []Field {
	var fields []Field
	var walk func(n *format.YAML, path string)
	walk = func(n *format.YAML, path string) {
		if n.Kind != format.YAMLMapping {
			fields = append(fields, Field{path, flat(n)})
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, "."))
		}
	}
	walk(poolYAML(p), "")
	return fields
}

// flat returns the text of a value.
func flat(n *format.YAML) string {
	var parts []string
	switch n.Kind {
	case format.YAMLSequence:
		for _, item := range n.Content {
			parts = append(parts, flat(item))
		}
	case format.YAMLMapping:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+"="+flat(n.Content[i+1]))
		}
	default:
		return n.Value
	}
	return strings.Join(parts, ",")
}

// DesiredYAML returns a document that ReadDesired reads. YAML and Absent are not used.
func DesiredYAML(d *pooldef.Desired) ([]byte, error) {
	root := poolYAML(d.Pool)
	state := &format.YAML{Kind: format.YAMLMapping}
	for _, k := range []struct {
		name string
		on   *bool
	}{{"active", d.State.Active}, {"autostart", d.State.Autostart}} {
		if k.on != nil {
			addKey(state, k.name, newScalar(yesNo(k.on), yesNoKey))
		}
	}
	if len(state.Content) > 0 {
		addKey(root, "state", state)
	}
	volumes := &format.YAML{Kind: format.YAMLSequence}
	for _, v := range d.Volumes {
		tree := VolumeElement(v.Volume)
		for _, c := range tree.Children {
			if c.Name == "capacity" || c.Name == "allocation" {
				c.Text = roundSize(v.Volume, c.Name)
			}
		}
		volumes.Content = append(volumes.Content, yamlOf(tree, volumeKeys))
	}
	if len(volumes.Content) > 0 {
		addKey(root, "volumes", volumes)
	}
	var b bytes.Buffer
	err := format.PrintYAML(&b, root)
	return b.Bytes(), err
}

// roundSize returns the text of a size in the largest unit that divides it.
func roundSize(v *pooldef.Volume, name string) string {
	n, units := v.Capacity.Bytes, []string{"", "KiB", "MiB", "GiB", "TiB"}
	if name == "allocation" {
		n = v.Allocation.Bytes
	}
	i := 0
	for n > 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return fmt.Sprint(n) + units[i]
}
