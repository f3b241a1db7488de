package host

import (
	"strings"
	"testing"
)

// TestOutputLimit checks that a program with too much output is ended, and that standard error is truncated.
func TestOutputLimit(t *testing.T) {
	o := &cappedBuffer{room: 5}
	ended := 0
	o.onFull = func() { ended++ }
	for _, part := range []string{"abc", "de", "f", "ghi"} {
		if n, err := o.ReadFrom(strings.NewReader(part)); n != int64(len(part)) || err != nil {
			t.Errorf("ReadFrom returned %d for %q, error %v", n, part, err)
		}
	}
	if string(o.kept) != "abcde" || ended != 2 {
		t.Errorf("the buffer contains %q, and called onFull %d times", string(o.kept), ended)
	}
	c := Cmd("sh", "-c", "yes complaint | head -c 3000000 >&2; exit 3")
	if err := fails(t, &Local{}, c); len(err.Error()) > maxStderr+100 ||
		!strings.Contains(err.Error(), "complaint") {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}
