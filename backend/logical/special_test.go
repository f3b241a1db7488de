package logical

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// special creates one volume of each kind with LVM's own tools.
const special = `
pvcreate -q /dev/loop0 /dev/loop1 /dev/loop2
vgcreate -q vg-0 /dev/loop0 /dev/loop1 /dev/loop2
lvcreate -qy -n lin -L 16M vg-0 /dev/loop0
lvcreate -qy -n pieces -L 8M vg-0 /dev/loop0
lvextend -qy -L 12M vg-0/pieces /dev/loop1
lvcreate -qy -n str -i 2 -L 16M vg-0 /dev/loop0 /dev/loop1
lvcreate -qy -n mir --type mirror -m 1 -L 8M vg-0
lvcreate -qy -n r1 --type raid1 -m 1 -L 8M vg-0
lvcreate -qy -n r5 --type raid5 -i 2 -L 8M vg-0
lvcreate -qy -n snap -s -L 8M vg-0/lin
lvcreate -qy -n sparse --type snapshot -L 4M -V 64M vg-0
lvcreate -qy -T -L 16M vg-0/tp
lvcreate -qy -n tv -V 1G -T vg-0/tp
lvcreate -qy -n tvs -s vg-0/tv
lvcreate -qy -n inact -an -Zn -L 4M vg-0
lvcreate -qy -n cac -L 8M vg-0
lvcreate -qy --type cache-pool -n cp -L 8M vg-0
lvconvert -qy --type cache --cachepool vg-0/cp vg-0/cac
lvcreate -qy -n a--b.+_ -L 4M vg-0`

func makeSpecial(t *testing.T) *pooldef.Pool {
	t.Helper()
	p := newPool(t, 3)
	p.Source.Devices = nil // its definition names no devices, as if made by hand
	for line := range strings.Lines(strings.TrimSpace(special)) {
		words := strings.Fields(line)
		run(t, words[0], words[1:]...)
	}
	return p
}

// show returns a volume as text, without values that change between runs.
func show(v *pooldef.Volume) string {
	text := fmt.Sprintf(
		"%s %s %s capacity %v physical %v allocation %v", v.Name, v.Type, v.Target.Path, v.Capacity, v.Physical,
		v.Allocation,
	)
	if v.Backing != nil {
		text += " of " + v.Backing.Path
	}
	for _, e := range v.Extents {
		text += fmt.Sprintf("\n  %s %d-%d", e.Device, e.Start, e.End)
	}
	if v.Err != nil {
		text += "\n  error: " + v.Err.Error()
	}
	return text + "\n"
}

func listing(t *testing.T, b *Backend, p *pooldef.Pool) string {
	t.Helper()
	text := ""
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		text += show(v)
	}
	return text
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

// TestSpecial lists volumes of all kinds, and starts and stops those that support it.
func TestSpecial(t *testing.T) {
	p, b := makeSpecial(t), newBackend()
	out, err := b.Host.Query(
		t.Context(),
		host.Cmd(
			"lvs", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", recordedFields, "--all", "--", "vg-0",
		),
	)
	ok(t, err)
	if os.Getenv("UPDATE") != "" {
		ok(t, os.WriteFile("testdata/lvs.json", out, 0o644))
	}
	equals(t, "special.golden", listing(t, b, p))
	v, err := b.Volume(t.Context(), p, "snap")
	ok(t, err)
	if v.Target.Permissions.Mode == nil || v.Target.Times == nil || v.Backing.Permissions.Mode == nil {
		t.Errorf("no permissions of a node: %+v", v)
	}
	space, err := b.Space(t.Context(), p)
	if want := (pooldef.Space{
		Capacity:   390070272,
		Allocation: space.Allocation,
		Available:  390070272 - space.Allocation,
	}); err != nil || space != want {
		t.Errorf("space %+v, error %v", space, err)
	}
}

// recordedFields omits times, and the numbers of devices, which belong to other devices on other machines.
var recordedFields = strings.TrimSuffix(allFields, ",lv_kernel_major,lv_kernel_minor,lv_time")

// recordedHost answers queries with output recorded in the lab.
type recordedHost struct{ host.Host }

func (recordedHost) Query(_ context.Context, c host.Command) ([]byte, error) {
	return os.ReadFile("testdata/" + c.Name + ".json")
}

// TestRecorded lists the volumes recorded in the lab.
func TestRecorded(t *testing.T) {
	b := New(recordedHost{&host.Local{}}, nil)
	p := &pooldef.Pool{Type: pooldef.Logical, Name: "pool", Source: pooldef.Source{Name: "vg-0"}}
	want, err := os.ReadFile("testdata/special.golden")
	ok(t, err)
	if got := listing(t, b, p); got != string(want) {
		t.Errorf("listed\n%s", got)
	}
}

// TestRanges parses device names with special characters.
func TestRanges(t *testing.T) {
	v := &logicalVolume{segment: &segment{},
		segments: []segment{{Extent: 10,
			Ranges: "/dev/disk/by-path/ip-[::1]:3260-iscsi-x:y-lun-1:0-3,/dev/a,b:5-5"}},
	}
	want := "[{/dev/disk/by-path/ip-[::1]:3260-iscsi-x:y-lun-1 0 40} {/dev/a,b 50 60}]"
	if got := fmt.Sprint(extents(v, nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestNames checks names that LVM allows and rejects.
func TestNames(t *testing.T) {
	for name, good := range map[string]bool{
		"a": true, "+": true, ".a": true, "a-": true, "..x": true, "xsnapshot": true, "": false, ".": false,
		"..": false, "-a": false, "a/b": false,
		"a:b": false, "ü": false, "snapshotx": false, "pvmove0": false, "a_mlogx": false, ".poolctl-1-2-3": false,
		strings.Repeat("n", 125): false,
	} {
		if err := checkName(name); (err == nil) != good {
			t.Errorf("%q: error %v", name, err)
		}
		if _, err := group(&pooldef.Pool{Source: pooldef.Source{Name: name}}); good && err != nil {
			t.Errorf("group %q: error %v", name, err)
		}
	}
}
