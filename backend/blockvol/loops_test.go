package blockvol

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// Loops is a minimal backend with loop devices as volumes. It shows what a backend of devices needs for
// cloning. The pool's directory contains a file for each device, and a link from the volume's name to the
// device. A volume exists when its link does.
type loops struct {
	Devices
	mu       sync.Mutex
	creating map[string]bool // links of volumes that are being created
}

func newLoops(h host.Host, s backend.Secrets) *loops {
	b := &loops{creating: map[string]bool{}}
	b.Devices = Devices{Host: h, Secrets: s, Find: b.Volume}
	return b
}

func (b *loops) Active(_ context.Context, p *pooldef.Pool) (bool, error) {
	_, err := os.Stat(p.Target.Path)
	return err == nil, nil
}

func (b *loops) Space(_ context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	s, err := b.Host.Space(p.Target.Path)
	return pooldef.Space{Capacity: s.Total, Available: s.Free, Allocation: s.Total - s.Free}, err
}

func (b *loops) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		entries, err := os.ReadDir(p.Target.Path)
		if err := errors.Join(err, ctx.Err()); err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int {
			return pooldef.CompareNames(a.Name(), b.Name())
		})
		for _, e := range entries {
			path := filepath.Join(p.Target.Path, e.Name())
			if e.Type() == fs.ModeSymlink && !yield(&pooldef.Volume{Name: e.Name(), Key: path,
				Target: pooldef.VolumeTarget{Path: path}}, nil) {
				return
			}
		}
	}
}

func (b *loops) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	link, _ := paths(p, name)
	h, err := safeopen.OpenPath(link)
	if checkName(name) != nil || err != nil {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	defer h.Close()
	f, err := h.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := f.Size()
	size, mode, uid, gid := pooldef.Bytes(uint64(n)), h.Mode&0o7777, h.Uid, h.Gid
	v := &pooldef.Volume{Type: "block", Name: name, Key: link, Capacity: size, Allocation: size,
		Physical: size}
	v.Target = pooldef.VolumeTarget{Path: link, Permissions: pooldef.Permissions{Mode: &mode, Owner: &uid,
		Group: &gid}}
	return v, err
}

func (b *loops) Create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume,
	_ backend.CreateOptions) error {
	return b.create(ctx, p, d, func(string) error { return nil })
}

// Clone creates a device and fills it. Cloning needs nothing else.
func (b *loops) Clone(ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume,
	o backend.CloneOptions) error {
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = source.Capacity
	}
	return b.create(ctx, p, &wanted, func(path string) error { return b.Fill(ctx, p, path, source, o) })
}

func (b *loops) create(ctx context.Context, p *pooldef.Pool, d *pooldef.Volume,
	fill func(path string) error) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	link, file := paths(p, d.Name)
	done, err := b.reserve(ctx, link, file)
	if err != nil {
		return err
	}
	defer done()
	err = b.Host.Change(ctx, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1,
		Size: (d.Capacity.Bytes + 511) / 512 * 512})
	if err == nil {
		err = b.Host.Change(ctx, host.Cmd("losetup", "-f", file))
	}
	var device string
	if err == nil {
		device, err = b.device(ctx, file)
	}
	if err == nil {
		err = fill(device)
	}
	if err == nil {
		err = b.Host.Change(ctx, host.Symlink{Target: device, Link: link})
	}
	if err != nil {
		return errors.Join(err, b.destroy(context.WithoutCancel(ctx), link, file))
	}
	return nil
}

// reserve keeps other goroutines from creating the same volume, and removes the leftovers of a killed
// process.
func (b *loops) reserve(ctx context.Context, link, file string) (done func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := os.Lstat(link); err == nil || b.creating[link] {
		return nil, &fs.PathError{Op: "create", Path: link, Err: fs.ErrExist}
	}
	if _, err := os.Lstat(file); err == nil {
		if err := b.destroy(ctx, link, file); err != nil {
			return nil, err
		}
	}
	b.creating[link] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.creating, link)
	}, nil
}

// destroy removes everything that exists of a volume.
func (b *loops) destroy(ctx context.Context, link, file string) error {
	var errs []error
	remove := func(path string) {
		if _, err := os.Lstat(path); err == nil {
			errs = append(errs, b.Host.Change(ctx, host.Unlink{Path: path}))
		}
	}
	remove(link)
	ctx = context.WithoutCancel(ctx)
	if device, err := b.device(ctx, file); err == nil && device != "" {
		errs = append(errs, b.Host.Change(ctx, host.Cmd("losetup", "-d", device)))
	}
	remove(file)
	return errors.Join(errs...)
}

// device returns the device of a file, or "" if the file has none.
func (b *loops) device(ctx context.Context, file string) (string, error) {
	out, err := b.Host.Query(ctx, host.Cmd("losetup", "-n", "-O", "NAME", "-j", file))
	return strings.TrimSpace(string(out)), err
}

func (b *loops) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	if _, err := b.Volume(ctx, p, name); err != nil {
		return err
	}
	link, file := paths(p, name)
	if err := b.Host.Change(ctx, host.Unlink{Path: link}); err != nil {
		return err
	}
	return b.destroy(context.WithoutCancel(ctx), link, file)
}

// RemoveStale removes files without a link.
func (b *loops) RemoveStale(ctx context.Context, p *pooldef.Pool) ([]string, error) {
	files, err := filepath.Glob(p.Target.Path + "/.file-*")
	links := map[string]bool{}
	for v := range b.Volumes(ctx, p) {
		_, file := paths(p, v.Name)
		links[file] = true
	}
	var removed []string
	for _, file := range files {
		if !links[file] {
			removed, err = append(removed, file), errors.Join(err, b.destroy(ctx, file+" has no link", file))
		}
	}
	return removed, err
}

// paths returns the paths of a volume's link and file.
func paths(p *pooldef.Pool, name string) (link, file string) {
	return p.Target.Path + "/" + name, fmt.Sprintf("%s/.file-%.8x", p.Target.Path,
		sha256.Sum256([]byte(name)))
}

func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || len(name) > 255 {
		return pooldef.Problems{{Element: "name", Text: "no name"}}
	}
	return nil
}

// newPool returns a pool. All its devices are removed when the test ends.
func newPool(t *testing.T) *pooldef.Pool {
	p := &pooldef.Pool{Type: pooldef.Logical, Name: "pool", Target: pooldef.Target{Path: t.TempDir()}}
	t.Cleanup(func() {
		for _, line := range attached(t, p) {
			device, _, _ := strings.Cut(line, " ")
			backendtest.Change(t, host.Cmd("losetup", "-d", device))
		}
	})
	return p
}

// attached lists the devices whose files are in a pool. It omits devices that were removed but stay
// (AUTOCLEAR) until a program that inspects all devices has closed them.
func attached(t testing.TB, p *pooldef.Pool) []string {
	out, err := new(host.Local).Query(context.Background(),
		host.Cmd("losetup", "-n", "-l", "-O", "NAME,AUTOCLEAR,BACK-FILE"))
	ok(t, err)
	var devices []string
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 2 && words[1] == "0" &&
			strings.HasPrefix(words[2], p.Target.Path+"/") {
			devices = append(devices, words[0]+" "+words[2])
		}
	}
	slices.Sort(devices)
	return devices
}

// needsLoops skips a test on machines without loop devices.
func needsLoops(t *testing.T) {
	t.Helper()
	_, err := os.Stat("/dev/loop-control")
	if err != nil || os.Geteuid() != 0 {
		backendtest.NotRun(t, "devices: they need root and loop devices")
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func volume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size)}
}

// options describe a pool of loop devices.
func options() backendtest.Options {
	return backendtest.Options{
		New:    func(h host.Host) backend.Backend { return newLoops(h, nil) },
		Pool:   newPool,
		Volume: volume,
		Sizes:  []uint64{1 << 20, 512, 513, 5 << 20},
		Unit:   512,
		Snapshot: func(t *testing.T, p *pooldef.Pool) string {
			return cmp.Or(strings.Join(attached(t, p), "\n"), "no devices") + "\n" +
				backendtest.Tree(t, p.Target.Path)
		},
		Refused: []string{"", "..", "a/b"},
		Allowed: []string{"a", "-x", "a b", "a,b", "a:b"},
	}
}

// TestLoops runs the conformance suite on loop devices.
func TestLoops(t *testing.T) {
	needsLoops(t)
	backendtest.Run(t, options())
}
