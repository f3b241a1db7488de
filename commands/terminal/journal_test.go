package terminal

import (
	"strings"
	"testing"
)

// TestJournal checks the priorities of lines, and of parts of lines.
func TestJournal(t *testing.T) {
	var out strings.Builder
	j := &journal{to: &out}
	for _, part := range []string{"warning: a", " b\nerror: c\n  d\njoined\nhint: e\n", "+ f\n", "  g\n",
		"<0>h: error: \n", "{\"schema\":1}\n"} {
		if n, err := j.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%q: wrote %d bytes, error %v", part, n, err)
		}
	}
	const want = "<4>warning: a b\n<3>error: c\n<3>  d\n<3>joined\n<6>hint: e\n+ f\n  g\n<0>h: error: \n<3>{\"schema\":1}\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
