package systemd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
)

// hostile are names that a unit cannot contain as they are.
var hostile = []string{
	"images", "my pool/ä-b", ".hidden", "$HOME", "%i%%", `back\slash`, "'\"`", "a:b_c.d", "-x", "new\nline",
	"\xff", "@@",
}

// TestEscape compares with systemd-escape.
func TestEscape(t *testing.T) {
	out := run(t, "systemd-escape", append([]string{"--"}, hostile...)...)
	for i, want := range strings.Fields(out) {
		if got := escape(hostile[i]); got != want {
			t.Errorf("escape(%q) = %s, not %s", hostile[i], got, want)
		}
	}
	paths := []string{"/", "/srv", "/srv/my pool", "/.hidden/.a", "/dev/disk/by-id/a-b"}
	out = run(t, "systemd-escape", append([]string{"--path"}, paths...)...)
	for i, want := range strings.Fields(out) {
		if got := escapePath(paths[i]); got != want {
			t.Errorf("escapePath(%q) = %s, not %s", paths[i], got, want)
		}
	}
}

// run runs a program of systemd and returns its output.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		backendtest.NotRun(t, "names of units: needs "+program)
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// pools has a pool for each kind of dependency.
var pools = []Pool{
	{Name: "disk", File: "/etc/poolctl/disk.xml", Autostart: true, Dependencies: backend.Dependencies{
		Paths: []string{"/srv"}, Devices: []string{"/dev/disk/by-label/a b"}, Mount: "/srv/disk"}},
	{Name: "inner", File: "/etc/poolctl/inner.yaml", Autostart: true,
		Dependencies: backend.Dependencies{Paths: []string{"/srv/disk/./inner/"}}},
	{Name: "net", File: "/etc/poolctl/net.xml", Autostart: true, Dependencies: backend.Dependencies{
		Paths: []string{`/srv/$HOME %n 'x' "y" \ z/$HOME`, "/srv/net/net%"}, Mount: "/srv/net", Network: true,
		Services: []string{"rpcbind.service"}}},
	{Name: "cluster", File: "/etc/poolctl/cluster.xml", Dependencies: backend.Dependencies{
		Paths: []string{"/srv"}, Mount: "/srv/cluster", Network: true, IsHidden: true}},
	{Name: "file", File: "/etc/poolctl/file.xml", Dependencies: backend.Dependencies{
		Devices: []string{"/srv/disk/image", "sda"}}},
	{Name: "other disk", File: "/etc/poolctl/other disk.xml", Dependencies: backend.Dependencies{
		Paths: []string{"/srv"}, Devices: []string{"/dev/sdb"}, Mount: "/srv/disk/"}},
	{Name: "memory", File: "/etc/poolctl/memory.xml", Autostart: true,
		Dependencies: backend.Dependencies{Paths: []string{"/dev/shm/memory"}}},
	{Name: "broken", File: "/etc/poolctl/broken.xml", Autostart: true},
	{Name: `$HOME %n 'x' "y" \`, File: `/etc/poolctl/$HOME %n 'x' "y" \.xml`, Autostart: true,
		Dependencies: backend.Dependencies{Paths: []string{`/srv/$HOME %n 'x' "y" \`}}},
	{Name: "lines", File: "/etc/poolctl/lines.xml", Autostart: true, Dependencies: backend.Dependencies{
		Paths: []string{"/srv\n[Service]\nExecStart=/bin/false", "/srv/\xff", "/srv/\ufdd0", "/srv/" + strings.Repeat("x", 300)}}},
	{Name: "\U0001ffff", File: "/etc/poolctl/\U0001ffff.xml", Autostart: true},
	{Name: strings.Repeat("ä", 60), File: "/etc/poolctl/long.xml", Autostart: true},
}

// TestGenerate compares the units of pools with testdata/units.golden.
func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	Generate(dir, pools, func(err error) { text.WriteString("error: " + err.Error() + "\n") })
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		name := strings.TrimPrefix(path, dir+"/")
		switch {
		case err != nil:
			return err
		case d.Type() == os.ModeSymlink:
			to, err := os.Readlink(path)
			text.WriteString(name + " -> " + to + "\n")
			return err
		case !d.IsDir():
			data, err := os.ReadFile(path)
			text.WriteString(name + ":\n" + indent(string(data)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/units.golden"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != text.String() {
		t.Errorf("%v, the units are\n%s", err, text.String())
	}
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n\t") + "\n"
}

// TestVerify lets systemd check the units of pools.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	Generate(dir, pools, func(error) {})
	units, err := filepath.Glob("../../scripts/systemd/poolctl-*")
	if err != nil || len(units) == 0 {
		t.Fatalf("no units in scripts/systemd (%v)", err)
	}
	for _, unit := range units {
		data, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), "/usr/sbin/poolctl", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(unit)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"verify", "--man=no"}
	for _, p := range pools {
		if name, err := unitName(p.Name); err == nil {
			args = append(args, filepath.Join(dir, name))
			if err := os.Symlink("poolctl-pool@.service", filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out := run(t, "systemd-analyze", args...); out != "" {
		t.Error(out)
	}
}

// TestMarkEnabled checks that a pool that systemctl has enabled is started by what it needs, and once.
func TestMarkEnabled(t *testing.T) {
	etc, dir := t.TempDir(), t.TempDir()
	wants := filepath.Join(etc, target+".wants")
	if err := os.Mkdir(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`poolctl-pool@my\x20pool.service`, "poolctl-pool@.service", "other.service"} {
		if err := os.Symlink("/nowhere", filepath.Join(wants, name)); err != nil {
			t.Fatal(err)
		}
	}
	pools := []Pool{{Name: "my pool"}, {Name: "mine"}}
	pools[0].Paths, pools[1].Paths = []string{"/srv"}, []string{"/home"}
	MarkEnabled(pools, "/nowhere", etc)
	Generate(dir, pools, func(err error) { t.Error(err) })
	data, err := os.ReadFile(filepath.Join(dir, "srv.mount.d", dropInName))
	if err != nil || !strings.HasSuffix(string(data), "\nWants=poolctl-pool@my\\x20pool.service\n") {
		t.Errorf("%q, %v", data, err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 3 {
		t.Errorf("%q, %v", made, err)
	}
}

// TestKeepMounts checks that a mount of fstab(5), or one with a unit, gets no other order from a pool.
func TestKeepMounts(t *testing.T) {
	dir := t.TempDir()
	fstab := filepath.Join(dir, "fstab")
	text := "# /dev/sda /srv/comment ext4\n\n/dev/sda\t/srv/my\\040disk/ ext4 defaults 0 0\n/dev/sdb none swap\n"
	if err := errors.Join(os.WriteFile(fstab, []byte(text), 0o600),
		os.Symlink("/dev/null", filepath.Join(dir, "srv-unit.mount"))); err != nil {
		t.Fatal(err)
	}
	var pools []Pool
	for _, path := range []string{"/", "/srv/my disk", "/srv/unit", "/srv/comment", "/srv/other"} {
		pools = append(pools, Pool{Name: path, Dependencies: backend.Dependencies{Mount: path, IsHidden: true}})
	}
	KeepMounts(pools, "/nonexistent", "/nonexistent")
	KeepMounts(pools[1:], fstab, "/nonexistent", dir)
	for i, want := range []bool{false, false, false, true, true} {
		if pools[i].IsHidden != want {
			t.Errorf("%s: %v", pools[i].Mount, pools[i].IsHidden)
		}
	}
}

// TestGenerateBeside checks that a unit gets its drop-in beside one of systemd-fstab-generator(8), which that
// writes for x-systemd.device-timeout= in fstab(5).
func TestGenerateBeside(t *testing.T) {
	dir := t.TempDir()
	device := filepath.Join(dir, `dev-disk-by\x2dlabel-a\x20b.device.d`)
	if err := errors.Join(os.Mkdir(device, 0o755),
		os.WriteFile(filepath.Join(device, "50-device-timeout.conf"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	Generate(dir, pools[:1], func(err error) { t.Error(err) })
	if made, err := os.ReadDir(device); err != nil || len(made) != 2 {
		t.Errorf("%q, %v", made, err)
	}
}

// TestGenerateNowhere checks that a directory that cannot be used is reported, and nothing else happens.
func TestGenerateNowhere(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "poolctl-pools.target.d"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "/nonexistent", "--help", full} {
		var errs []error
		Generate(dir, pools[:1], func(err error) { errs = append(errs, err) })
		if len(errs) != 1 {
			t.Errorf("%q: %v", dir, errs)
		}
	}
}

// TestGenerateFull checks that a reason that holds for all files is reported once.
func TestGenerateFull(t *testing.T) {
	dir, many := t.TempDir(), make([]Pool, 1000)
	for i := range many {
		many[i] = Pool{Name: fmt.Sprint(i)}
	}
	Generate(dir, many, func(err error) { t.Error(err) })
	var errs []error
	Generate(dir, many, func(err error) { errs = append(errs, err) })
	if len(errs) != 1 || !errors.Is(errs[0], os.ErrExist) ||
		!strings.HasSuffix(errs[0].Error(), " (and 999 more errors)") {
		t.Error(errs)
	}
}

// BenchmarkGenerate writes the units of 10,000 pools.
func BenchmarkGenerate(b *testing.B) {
	many := make([]Pool, 10_000)
	for i := range many {
		name := fmt.Sprintf("images-%d", i)
		many[i] = Pool{Name: name, Autostart: true}
		many[i].Paths = []string{"/srv/pools/" + name}
	}
	for b.Loop() {
		Generate(b.TempDir(), many, func(error) {})
	}
}
