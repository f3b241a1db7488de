package terminal

import (
	"testing"
	"time"
)

// TestMeterLine checks the line on terminals of several widths: it never reaches the last column.
func TestMeterLine(t *testing.T) {
	for _, test := range []struct {
		done, total uint64
		columns     int
		want        string
	}{
		{1 << 20, 4 << 20, unlimited, " 25 %  1.00 MiB of 4.00 MiB  512.00 KiB/s  0:06 left"},
		{1 << 20, 4 << 20, 53, " 25 %  1.00 MiB of 4.00 MiB  512.00 KiB/s  0:06 left"},
		{1 << 20, 4 << 20, 52, " 25 %  1.00 MiB of 4.00 MiB  512.00 KiB/s"},
		{1 << 20, 4 << 20, 40, " 25 %  1.00 MiB of 4.00 MiB"},
		{1 << 20, 4 << 20, 20, " 25 %  1.00 MiB"},
		{1 << 20, 4 << 20, 10, " 25 %"},
		{1 << 20, 4 << 20, 3, ""},
		{0, 4 << 20, unlimited, "  0 %  0.00 B of 4.00 MiB  0.00 B/s  ? left"},
		{1 << 20, 0, unlimited, "1.00 MiB  512.00 KiB/s"},
		{1 << 20, 0, 20, "1.00 MiB"},
	} {
		if got := meterLine(test.done, test.total, 2*time.Second, test.columns); got != test.want {
			t.Errorf("%d columns: got %q, want %q", test.columns, got, test.want)
		}
	}
}
