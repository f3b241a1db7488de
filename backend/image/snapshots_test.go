package image

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// entry returns an entry of a table of snapshots, with its padding.
func entry(id, name, extra string) string {
	const seconds, nanoseconds = 1795000000, 5
	text := be64(0x50000) + be32(1) + be16(uint16(len(id))) + be16(uint16(len(name))) + be32(seconds) +
		be32(nanoseconds) + be64(0) + be32(0) + be32(uint32(len(extra))) + extra + id + name
	return text + strings.Repeat("\x00", -len(text)&7)
}

// withSnapshots returns an image with a table of count entries.
func withSnapshots(count uint32, table string) []byte {
	const at = 72
	return build(
		at+len(table), part{0, "QFI\xfb\x00\x00\x00\x02"}, part{60, be32(count)}, part{64, be64(at)},
		part{at, table},
	)
}

var (
	plainEntry = entry("1", "one", be64(0)+be64(5<<20)+be64(0))
	oldEntry   = entry("22", "two\x00tail", "")
)

func TestSnapshots(t *testing.T) {
	created := time.Unix(1795000000, 5)
	image := withSnapshots(2, plainEntry+strings.TrimRight(oldEntry, "\x00"))
	got, err := Snapshots(bytes.NewReader(image), int64(len(image)))
	want := []Snapshot{{"1", "one", created, 5 << 20}, {"22", "two", created, 0}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, error %v, want %+v", got, err, want)
	}
}

// TestHostileSnapshots reads tables that cannot be right.
func TestHostileSnapshots(t *testing.T) {
	long := strings.Repeat("n", 256)
	good := withSnapshots(1, plainEntry)
	for name, image := range map[string][]byte{
		"too many":          withSnapshots(maxSnapshots+1, plainEntry),
		"more than there":   withSnapshots(2, plainEntry),
		"cut off":           good[:len(good)-16],
		"only a header":     good[:72],
		"beyond the end":    with(good, part{64, be64(1 << 40)}),
		"at the last byte":  with(good, part{64, "\xff\xff\xff\xff\xff\xff\xff\xf8"}),
		"not aligned":       with(good, part{64, be64(73)}),
		"a long name":       withSnapshots(1, entry("1", long, "")),
		"a long id":         withSnapshots(1, entry(long[:128], "one", "")),
		"much extra data":   withSnapshots(1, entry("1", "one", strings.Repeat("x", 1025))),
		"huge extra data":   with(good, part{72 + extraAt, "\xff\xff\xff\xff"}),
		"a short header":    good[:71],
		"impossible length": with(good, part{72 + nameSizeAt, "\xff\xff"}),
	} {
		size := int64(len(image))
		if got, err := Snapshots(bytes.NewReader(image), size); !errors.Is(err, ErrSnapshots) &&
			name != "a short header" {
			t.Errorf("%s: got %+v, error %v", name, got, err)
		}
	}
	for _, image := range [][]byte{nil, []byte("QFI\xfb"), make([]byte, 100),
		with(good, part{0, "QFI\xfb\x00\x00\x00\x01"})} {
		if got, err := Snapshots(bytes.NewReader(image), int64(len(image))); err != nil || got != nil {
			t.Errorf("no qcow2 image: got %+v, error %v", got, err)
		}
	}
	if _, err := Snapshots(bytes.NewReader(good[:40]), int64(len(good))); !errors.Is(err, ErrSnapshots) {
		t.Errorf("an image that becomes shorter: got error %v", err)
	}
}

// TestQemuSnapshots reads what qemu-img writes.
func TestQemuSnapshots(t *testing.T) {
	for _, compat := range []string{"0.10", "1.1"} {
		path := filepath.Join(t.TempDir(), "v")
		for _, line := range []string{
			"create -q -f qcow2 -o compat=" + compat + " V 5M", "snapshot -c one V", "snapshot -c two V",
			"snapshot -d one V",
			"snapshot -c three V",
		} {
			args := strings.Fields(strings.ReplaceAll(line, "V", path))
			if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", line, err, out)
			}
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Snapshots(f, info.Size())
		if err != nil || len(got) != 2 || got[0].Name != "two" || got[1].Name != "three" || got[0].ID != "2" ||
			got[1].ID != "3" || got[0].Capacity != 5<<20 || time.Since(got[0].Created) > time.Hour {
			t.Errorf("compat %s: got %+v, error %v", compat, got, err)
		}
	}
}

// FuzzSnapshots searches for tables that crash Snapshots, or have impossible values accepted.
func FuzzSnapshots(f *testing.F) {
	f.Add(uint32(2), uint64(72), []byte(plainEntry+oldEntry))
	f.Add(uint32(1), uint64(80), []byte("12345678"+plainEntry))
	f.Fuzz(func(t *testing.T, count uint32, at uint64, table []byte) {
		image := with(withSnapshots(count, string(table)), part{64, be64(at)})
		all, err := Snapshots(bytes.NewReader(image), int64(len(image)))
		if err != nil && !errors.Is(err, ErrSnapshots) {
			t.Fatal(err)
		}
		for _, s := range all {
			if len(s.ID) > maxSnapshotID || len(s.Name) > maxSnapshotName || int64(s.Capacity) < 0 {
				t.Errorf("got %+v", s)
			}
		}
	})
}
