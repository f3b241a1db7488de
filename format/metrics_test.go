package format

import (
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	var m Metrics
	m.Add("b_bytes", "bytes", "Bytes.", 270553174016, "pool", "b")
	m.Add("b_bytes", "bytes", "Bytes.", 0, "pool", "a\\\"\n\xff\t")
	m.Add("a", "", "Whether.", 1)
	const want = `# HELP a Whether.
# TYPE a gauge
a 1
# HELP b_bytes Bytes.
# TYPE b_bytes gauge
b_bytes{pool="a\\\"\n` + "\uFFFD\t" + `"} 0
b_bytes{pool="b"} 2.70553174016e+11
`
	for _, open := range []bool{false, true} {
		var b strings.Builder
		if err := m.Write(&b, open); err != nil {
			t.Fatal(err)
		}
		text := want
		if open {
			text = strings.Replace(want, "# HELP b_", "# UNIT b_bytes bytes\n# HELP b_", 1) + "# EOF\n"
		}
		if b.String() != text {
			t.Errorf("got\n%s\nwant\n%s", b.String(), text)
		}
	}
}
