package format

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Metrics are gauges in the text format of Prometheus, or in that of OpenMetrics. Families are sorted by name
// and samples by their labels, so that two outputs differ only where values differ. There are no timestamps,
// which node_exporter's textfile collector refuses.
//
// Sources: Prometheus, "Exposition formats"; OpenMetrics 1.0.
type Metrics struct{ families map[string]*family }

// A family is all samples with one name.
type family struct {
	help, unit string
	samples    []string
}

// Add adds a sample to the family name. labels are names and values in turn. unit is the last part of the
// name if the family has a unit, otherwise empty.
func (m *Metrics) Add(name, unit, help string, value float64, labels ...string) {
	if m.families == nil {
		m.families = map[string]*family{}
	}
	f := m.families[name]
	if f == nil {
		f = &family{help: help, unit: unit}
		m.families[name] = f
	}
	var b strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		fmt.Fprintf(&b, `%s%s="%s"`, separator(i), labels[i], escapeLabel(labels[i+1]))
	}
	sample := name
	if b.Len() > 0 {
		sample += "{" + b.String() + "}"
	}
	f.samples = append(f.samples, sample+" "+strconv.FormatFloat(value, 'g', -1, 64)+"\n")
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// escapeLabel escapes the value of a label. Bytes that are not UTF-8 become U+FFFD, because both formats are
// UTF-8.
func escapeLabel(value string) string {
	value = strings.ToValidUTF8(value, "\uFFFD")
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value)
}

// Write writes all families, in the format of OpenMetrics if open is set.
func (m *Metrics) Write(w io.Writer, open bool) error {
	names := make([]string, 0, len(m.families))
	for name := range m.families {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		f := m.families[name]
		if open && f.unit != "" {
			fmt.Fprintf(&b, "# UNIT %s %s\n", name, f.unit)
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, f.help, name)
		slices.Sort(f.samples)
		for _, s := range f.samples {
			b.WriteString(s)
		}
	}
	if open {
		b.WriteString("# EOF\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
