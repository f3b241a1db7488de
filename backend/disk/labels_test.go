package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/pooldef"
)

// show returns a volume as text, without values that change between runs.
func show(v *pooldef.Volume) string {
	return fmt.Sprintf(
		"%s %s %s capacity %d allocation %d at %d-%d\n", v.Name, v.Target.Path, v.Target.Format, v.Capacity.Bytes,
		v.Allocation.Bytes,
		v.Extents[0].Start, v.Extents[0].End,
	)
}

// listing returns the volumes of a pool as text, and checks that all queries agree.
func listing(t *testing.T, b *Backend, p *pooldef.Pool) string {
	t.Helper()
	text := ""
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		ok(t, v.Err)
		text += show(v)
	}
	seen, err := b.ReadStatus(t.Context(), p)
	ok(t, err)
	for _, x := range seen.Source.Devices[0].FreeExtents {
		text += fmt.Sprintf("free %d-%d\n", x.Start, x.End)
	}
	space, err := b.Space(t.Context(), p)
	ok(t, err)
	checkLabel(t, b, p)
	text += fmt.Sprintf(
		"capacity %d allocation %d available %d\n", space.Capacity, space.Allocation, space.Available,
	)
	return regexp.MustCompile(`loop\d+`).ReplaceAllString(text, "loop0")
}

// equals compares with a golden file. UPDATE=1 rewrites the file.
func equals(t *testing.T, file, got string) {
	t.Helper()
	file = "testdata/" + file
	if os.Getenv("UPDATE") != "" {
		ok(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	ok(t, err)
	if got != string(want) {
		t.Errorf("%s differs; UPDATE=1 accepts it. Now it is\n%s", file, got)
	}
}

// scripted lists volumes for each label, in the order of their creation.
var scripted = []struct {
	format  string
	volumes []string // name, format and size in KiB
}{
	{"gpt", []string{"p1 none 1024", "p2 linux 1", "p3 fat16 1025", "p4 fat32 2048", "p5 linux-swap 1024",
		"p6 linux-lvm 1024", "p7 linux-raid 1024"}},
	{"dos", []string{"p1 fat16 1024", "p2 linux-lvm 1024", "p3 extended 20480", "p5 linux 1024",
		"p6 linux-raid 1", "p4 linux-swap 1024", "p7 fat32 3072"}},
	{"mac", []string{"p2 none 1024", "p3 linux-swap 1024"}},
	{"bsd", []string{"p1 none 1024", "p2 linux-swap 1024"}},
	{"pc98", []string{"p1 none 1024", "p2 linux 1024"}},
	{"sun", []string{"p1 none 1024", "p2 linux 1024", "p4 linux-lvm 1024"}},
	{"dvh", []string{"p1 none 1024", "p2 linux 1024"}},
}

// TestLabels creates and deletes partitions of all kinds on disks with all labels.
func TestLabels(t *testing.T) {
	for _, test := range scripted {
		t.Run(test.format, func(t *testing.T) {
			p, b := newPool(t, test.format), newBackend()
			ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
			empty := listing(t, b, p)
			loop := p.Source.Devices[0].Path
			names := []string{}
			for _, line := range test.volumes {
				var name, format string
				var kib uint64
				_, err := fmt.Sscan(line, &name, &format, &kib)
				ok(t, err)
				name = filepath.Base(loop) + name
				v := volume(name, kib<<10)
				v.Target.Format = format
				if err := b.Create(t.Context(), p, v, backend.CreateOptions{}); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				names = append(names, name)
			}
			equals(t, test.format+".golden", empty+"---\n"+listing(t, b, p))
			slices.Sort(names)
			slices.Reverse(names)
			for _, extendedLast := range []bool{false, true} {
				for _, name := range names {
					if (test.format == "dos" && strings.HasSuffix(name, "p3")) == extendedLast {
						ok(t, b.Delete(t.Context(), p, name))
					}
				}
			}
			if now := listing(t, b, p); now != empty {
				t.Errorf("after deleting all:\n%s", now)
			}
			ok(t, b.DeletePool(t.Context(), p))
			if holds, err := b.content(t.Context(), &device{path: loop}); holds != "" || err != nil {
				t.Errorf("after removing the pool: content %q, error %v", holds, err)
			}
		})
	}
}

// TestNames checks partition names, and the number of the next partition.
func TestNames(t *testing.T) {
	sda, nvme := &device{path: "/dev/sda"}, &device{path: "/dev/nvme0n1", separator: "p"}
	for _, test := range []struct {
		d      *device
		name   string
		number int
	}{
		{sda, "sda1", 1}, {sda, "sda12", 12}, {sda, "sda", 0}, {sda, "sda0", 0}, {sda, "sda01", 0},
		{sda, "sda+1", 0}, {sda, "sdap1", 0}, {sda, "1", 0},
		{sda, "sdb1", 0}, {nvme, "nvme0n1p3", 3}, {nvme, "nvme0n13", 0}, {nvme, "", 0},
		{sda, "sda99999999999999999999", 0},
	} {
		if got := test.d.number(test.name); got != test.number {
			t.Errorf("%s is number %d, want %d", test.name, got, test.number)
		}
	}
	yes, no := true, false
	for want, d := range map[string]string{
		"/dev/sda 1":    separator(&device{path: "/dev/sda"}, &yes) + "1",
		"/dev/loop0 p1": separator(&device{path: "/dev/loop0"}, &no) + "1",
		"mpatha 1":      separator(&device{path: "/dev/mapper/mpatha", isMapped: true}, nil) + "1",
		"mpatha p1":     separator(&device{path: "/dev/mapper/mpatha", isMapped: true}, &yes) + "1",
	} {
		if _, name, _ := strings.Cut(want, " "); d != name {
			t.Errorf("%s: got %s", want, d)
		}
	}
	for label, want := range map[string][]int{
		"gpt": {1, 2, 3, 4}, "mac": {2, 3, 4, 5}, "sun": {1, 2, 4, 5}, "dvh": {1, 2, 3, 4},
	} {
		table := &table{device: sda, label: label, max: 16}
		for _, n := range want {
			if got := table.next(primary); got != n {
				t.Errorf("%s: next is %d, want %d", label, got, n)
			}
			table.partitions = append(table.partitions, partition{number: n, kind: primary})
		}
	}
}

// TestPlace checks where partitions are placed.
func TestPlace(t *testing.T) {
	for name, test := range map[string]struct {
		free       []extent
		kind       string
		size       uint64
		start, end uint64 // 0: too large
	}{
		"aligned":  {[]extent{{start: 1024, end: 10 * mib}}, primary, 1, mib, 2 * mib},
		"not at 0": {[]extent{{start: 0, end: 10 * mib}}, primary, mib, mib, 2 * mib},
		"the smallest": {[]extent{{start: mib, end: 9 * mib}, {start: 20 * mib, end: 22 * mib},
			{start: 30 * mib, end: 40 * mib}}, primary, mib + 1, 20 * mib, 22 * mib},
		"never two": {[]extent{{start: mib, end: 3 * mib}, {start: 4 * mib, end: 6 * mib}}, primary,
			3 * mib, 0, 0},
		"all of it":               {[]extent{{start: mib, end: 3*mib + 17}}, primary, 2 * mib, mib, 3 * mib},
		"less than its alignment": {[]extent{{start: mib + 1, end: 2*mib - 1}}, primary, 1, 0, 0},
		"logical": {[]extent{{start: mib, end: 3 * mib},
			{start: 10 * mib, end: 14 * mib, isLogical: true}}, logical, mib, 11 * mib, 12 * mib},
		"not in the extended": {[]extent{{start: 10 * mib, end: 14 * mib, isLogical: true}}, primary, mib, 0,
			0},
		"more than there is": {[]extent{{start: mib, end: 3 * mib}}, primary, 1<<64 - 1, 0, 0},
	} {
		x := &partition{kind: test.kind}
		table := &table{device: &device{path: "/dev/sda"}, alignment: mib, free: test.free}
		if err := table.place(x, test.size, "pool"); x.start != test.start || x.end != test.end ||
			(err == nil) != (test.end > 0) {
			t.Errorf("%s: %d-%d, error %v", name, x.start, x.end, err)
		}
	}
}
