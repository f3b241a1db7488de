package mpath

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

var pool = &pooldef.Pool{Type: pooldef.Mpath, Name: "p", Target: pooldef.Target{Path: "/dev/mapper"}}

// A machine has device-mapper, and a multipathd with fixed output.
type machine struct {
	host.Host
	output string
	err    error
}

func (m machine) Stat(string) (os.FileInfo, error) { return os.Stat("/") }

func (m machine) Query(context.Context, host.Command) ([]byte, error) { return []byte(m.output), m.err }

// aTree returns a host with two maps, a partition on one of them, and a logical volume.
func aTree(t *testing.T) host.Host {
	s := backendtest.NewSysTree(t)
	s.Write("block/dm-10", map[string]string{"dm/uuid": "mpath-3600\n", "dm/name": "mpathb\n", "size": "4096\n"})
	s.Write("block/dm-2", map[string]string{"dm/uuid": "mpath-3601\n", "dm/name": "mpatha\n", "size": "2048\n"})
	s.Write(
		"block/dm-3",
		map[string]string{"dm/uuid": "part1-mpath-3601\n", "dm/name": "mpatha-part1\n", "size": "1024\n"},
	)
	s.Write("block/dm-4", map[string]string{"dm/uuid": "LVM-x\n", "dm/name": "vg-lv\n", "size": "1024\n"})
	for device, state := range map[string]string{"sda": "running", "sdc": "offline"} {
		s.Write("block/"+device, map[string]string{"size": "2048\n", "device/state": state + "\n"})
		s.Link("block/dm-2/slaves/"+device, "block/"+device)
	}
	return &host.Local{Root: s.Root}
}

func TestMaps(t *testing.T) {
	b := New(machine{Host: aTree(t)}, nil)
	var text strings.Builder
	for v, err := range b.Volumes(t.Context(), pool) {
		ok(t, err)
		text.WriteString(v.Name + " " + v.Key + " " + v.Target.Path + "\n")
	}
	if want := "dm-10 /dev/mapper/mpathb /dev/mapper/mpathb\n" +
		"dm-2 /dev/mapper/mpatha /dev/mapper/mpatha\n"; text.String() != want {
		t.Errorf("got\n%s", text.String())
	}
	space, err := b.Space(t.Context(), pool)
	if err != nil || space.Capacity != 3<<20 || space.Allocation != 3<<20 || space.Available != 0 {
		t.Errorf("%+v, error %v", space, err)
	}
	for _, name := range []string{"dm-3", "dm-4", "sda", "mpatha", ""} {
		if _, err := b.Volume(t.Context(), pool, name); !errors.Is(err, backend.ErrNoVolume) {
			t.Errorf("%q: error %v", name, err)
		}
	}
}

// TestPaths reads paths from multipathd, and without it from /sys.
func TestPaths(t *testing.T) {
	said, err := os.ReadFile("testdata/multipathd.json")
	ok(t, err)
	const kernel = `[{"Device":"sda","State":"","DeviceState":"running","Checker":"","Priority":null,"GroupPriority":null,"Group":0,"GroupState":""},` +
		`{"Device":"sdc","State":"","DeviceState":"offline","Checker":"","Priority":null,"GroupPriority":null,"Group":0,"GroupState":""}]`
	for _, test := range []struct {
		name string
		machine
		want string
	}{
		{"multipathd", machine{output: string(said)}, `[{"Device":"sda","State":"active","DeviceState":"running","Checker":"ready","Priority":50,"GroupPriority":50,"Group":1,"GroupState":"active"},` +
			`{"Device":"sdc","State":"failed","DeviceState":"offline","Checker":"faulty","Priority":10,"GroupPriority":10,"Group":2,"GroupState":"enabled"}]`},
		{"it does not run", machine{err: &host.ExitError{Status: 1}}, kernel},
		{"it is not there", machine{err: &host.ToolError{Tool: "multipathd"}}, kernel},
		{"it knows of none", machine{output: `{"maps": []}`}, kernel},
	} {
		test.Host = aTree(t)
		v, err := New(test.machine, nil).Volume(t.Context(), pool, "dm-2")
		ok(t, err)
		if got, _ := json.Marshal(v.Paths); string(got) != test.want {
			t.Errorf("%s: got\n%s", test.name, got)
		}
	}
	if _, err := New(
		machine{Host: aTree(t), output: "timeout"}, nil,
	).Volume(t.Context(), pool, "dm-2"); err == nil {
		t.Error("invalid output was accepted")
	}
	if _, err := New(
		machine{Host: aTree(t), err: context.DeadlineExceeded}, nil,
	).Volume(t.Context(), pool, "dm-2"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: error %v", err)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLies checks that sizes that overflow, and names that cannot be links, are rejected. The kernel reports
// whatever a device does.
func TestLies(t *testing.T) {
	for _, sectors := range []string{
		"18014398509481984", "18446744073709551615", "18446744073709551616", "-1", "NaN",
	} {
		s := backendtest.NewSysTree(t)
		s.Write("block/dm-2", map[string]string{"dm/uuid": "mpath-3601", "dm/name": "mpatha", "size": sectors})
		b := New(machine{Host: &host.Local{Root: s.Root}, output: `{"maps": []}`}, nil)
		v, err := b.Volume(t.Context(), pool, "dm-2")
		wrong := (*backend.AnswerError)(nil)
		if err != nil || v.Capacity.Bytes != 0 || !errors.As(v.Err, &wrong) || wrong.Text != sectors {
			t.Errorf("%s sectors: %+v, error %v", sectors, v, err)
		}
		if _, err := b.transferableVolume(t.Context(), pool, "dm-2"); !errors.As(err, &wrong) {
			t.Errorf("%s sectors: error %v", sectors, err)
		}
	}
	s := backendtest.NewSysTree(t)
	for i, name := range []string{"", ".", "..", "../sda", "a/b", "a\x1b[m"} {
		s.Write(fmt.Sprint("block/dm-", i), map[string]string{"dm/uuid": "mpath-", "dm/name": name,
			"size": "18014398509481983"})
	}
	b := New(machine{Host: &host.Local{Root: s.Root}}, nil)
	for v, err := range b.Volumes(t.Context(), pool) {
		if ok(t, err); v.Target.Path != "/dev/"+v.Name {
			t.Errorf("%s: %s", v.Name, v.Target.Path)
		}
	}
	if space, err := b.Space(t.Context(), pool); err == nil {
		t.Errorf("six of the largest maps: %+v", space)
	}
}

// TestLiar runs a program that lies in place of multipathd.
func TestLiar(t *testing.T) {
	b := New(&host.Local{}, nil)
	const many = 50000
	backendtest.FakeProgram(t, "multipathd", `printf '{"maps":[{"sysfs":"dm-2","path_groups":[{"group":1,"paths":['
seq -s, -f '{"dev":"sd%.0f"}' 1 `+fmt.Sprint(many)+`; printf ']}]},{"sysfs":"../x"},{"sysfs":"dm-2"}]}'`)
	if known, err := b.query(t.Context()); err != nil || len(known["dm-2"]) != 0 { // the last value counts
		t.Errorf("%d paths, error %v", len(known["dm-2"]), err)
	}
	for script, want := range map[string]string{
		`printf '{"maps":[{"sysfs"'`: "output of multipathd",
		`head -c 100000 /dev/zero`:   "output of multipathd",
		`echo timeout`:               "output of multipathd",
		`echo '{"maps":[{"path_groups":[{"pri":9223372036854775808}]}]}'`: "output of multipathd",
		`echo '{"maps":[{"path_groups":[{"pri":NaN}]}]}'`:                 "output of multipathd",
	} {
		backendtest.FakeProgram(t, "multipathd", script)
		if _, err := b.query(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: error %v, want %s", script, err, want)
		}
	}
}
