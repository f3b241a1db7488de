package netfs

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

func netPool(format, server, dir string) *pooldef.Pool {
	return &pooldef.Pool{Type: pooldef.NetFS, Name: "pool", UUID: "00000000-0000-4000-8000-000000000001",
		Source: pooldef.Source{Format: format, Hosts: []pooldef.Host{{Name: server}}, Dir: dir}}
}

// A fakeHost has a mount, names, and tools with fixed output.
type fakeHost struct {
	host.Host
	mount *host.Mount
	out   map[string]string
	mu    sync.Mutex
	asked []string
}

func (f *fakeHost) MountAt(string) (*host.Mount, error) { return f.mount, nil }
func (f *fakeHost) Addresses(_ context.Context, name string, _ time.Duration) ([]netip.Addr, error) {
	if name != "files.example" {
		return nil, errors.New("no such host")
	}
	return []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}, nil
}

func (f *fakeHost) Dial(context.Context, string) (net.Conn, error) {
	ours, _ := net.Pipe()
	return ours, nil
}

func (f *fakeHost) Query(_ context.Context, c host.Command) ([]byte, error) {
	f.mu.Lock()
	f.asked = append(f.asked, c.Shell())
	f.mu.Unlock()
	out, ok := f.out[c.Name]
	if !ok {
		return nil, &host.ToolError{Tool: c.Name}
	}
	return []byte(out), nil
}

// TestSpelling checks sources, their form for mount(8), and mounts that do or do not match them.
func TestSpelling(t *testing.T) {
	for _, c := range []struct {
		format, server, dir, source string
		same, other                 string // "TYPE SOURCE OPTIONS", separated by bars
	}{
		{"nfs", "files.example", "/srv/a b", "files.example:/srv/a b",
			"nfs4 FILES.example.:/srv/a\x00b addr=1.2.3.4|nfs files.example:/srv/a\x00b/ x|nfs4 " +
				"192.0.2.7:/srv/a\x00b addr=192.0.2.7",
			"nfs4 files.example:/srv/a x|nfs4 192.0.2.8:/srv/a\x00b addr=192.0.2.8|cifs " +
				"//files.example/srv/a\x00b x|ext4 /dev/sda x"},
		{"auto", "2001:db8::7", "/", "[2001:db8::7]:/", "nfs4 [2001:DB8:0::7]:/ x",
			"nfs4 [2001:db8::8]:/ addr=2001:db8::8"},
		{"nfs", "[2001:db8::7]", "/x", "[2001:db8::7]:/x", "nfs [2001:db8::7]:/x/ x", "nfs [2001:db8::7]:/ x"},
		{"cifs", "files.example", "/Share/sub", "//files.example/Share/sub",
			"cifs //files.example/share/sub/ x|smb3 \\\\192.0.2.7\\Share\\sub addr=192.0.2.7",
			"cifs //files.example/share x|nfs files.example:/Share/sub x"},
		{"glusterfs", "files.example", "gv0", "files.example:gv0",
			"fuse.glusterfs files.example:/gv0 x|fuse.glusterfs files.example:gv0 x",
			"fuse.glusterfs files.example:/gv1 x|fuse.sshfs files.example:/gv0 x"},
	} {
		p := netPool(c.format, c.server, c.dir)
		s, err := sourceOf(p)
		if err != nil || s.String() != c.source {
			t.Errorf("%+v: got %q, error %v", p.Source, s, err)
		}
		for i, mounts := range []string{c.same, c.other} {
			for text := range strings.SplitSeq(mounts, "|") {
				f := strings.Fields(text)
				m := &host.Mount{Type: f[0], Source: strings.ReplaceAll(f[1], "\x00", " "),
					Options: "rw," + f[2]}
				b := New(&fakeHost{Host: &host.Local{}, mount: m, out: map[string]string{"stat": "nfs\n"}},
					nil, far)
				if active, err := b.Active(t.Context(), p); active != (i == 0) || err != nil {
					t.Errorf("with %s mounted, %s: got active %v, error %v", m.Source, c.source, active, err)
				}
			}
		}
	}
}

func TestBadSource(t *testing.T) {
	for _, name := range []string{"-oexec", "a/b", "a,b", "a b"} {
		if err := New(&host.Local{}, nil, far).Start(t.Context(), netPool("nfs", name, "/x")); err == nil ||
			!strings.Contains(err.Error(), "not the name of a host") {
			t.Errorf("%q: error %v", name, err)
		}
	}
	p := netPool("nfs", "a", "/x")
	p.Source.Hosts = append(p.Source.Hosts, p.Source.Hosts[0])
	if err := New(&host.Local{}, nil, far).Start(t.Context(), p); err == nil ||
		!strings.Contains(err.Error(), "2 hosts") {
		t.Error(err)
	}
	unsupported := (*backend.UnsupportedError)(nil)
	for _, word := range []string{"/a b", "/$(id)", "/*", "/'"} {
		p := netPool("glusterfs", "a", "gv0")
		p.Target.Path = word
		if err := New(&host.Local{}, nil, far).Start(t.Context(), p); !errors.As(err, &unsupported) {
			t.Errorf("%q: error %v", word, err)
		}
	}
	if err := New(&host.Local{}, nil, far).Build(t.Context(), p,
		backend.BuildOptions{Overwrite: true}); !errors.As(err, &unsupported) {
		t.Error(err)
	}
}

func TestDiscover(t *testing.T) {
	f := &fakeHost{Host: &host.Local{},
		out: map[string]string{"showmount": "/srv/two       10.0.0.0/8\n/srv/a b/ *\n\nnonsense\n"}}
	spec := &pooldef.Source{Hosts: []pooldef.Host{{Name: "files.example"}}}
	check := func(want string) {
		t.Helper()
		found, err := New(f, nil, far).Discover(t.Context(), spec)
		var got []string
		for _, s := range found {
			got = append(got, s.Format+" "+s.Hosts[0].Name+":"+s.Dir)
		}
		if text := strings.Join(got, "|"); text != want || err != nil {
			t.Errorf("got %q, want %q, error %v", text, want, err)
		}
	}
	check("nfs files.example:/srv/two|nfs files.example:/srv/a b/")
	f.out["gluster"] = `<?xml version="1.0"?><cliOutput><opRet>0</opRet><volInfo><volumes><volume><name>gv0</name></volume>` +
		`<volume><name>gv1</name></volume><count>2</count></volumes></volInfo></cliOutput>`
	check("nfs files.example:/srv/two|nfs files.example:/srv/a b/|glusterfs " +
		"files.example:gv0|glusterfs files.example:gv1")
	if !slices.Contains(f.asked, "showmount --no-headers --exports -- files.example") {
		t.Error(f.asked)
	}
	f.out = map[string]string{}
	tool := (*host.ToolError)(nil)
	if _, err := New(f, nil, far).Discover(t.Context(), spec); !errors.As(err, &tool) ||
		tool.Tool != "showmount" {
		t.Error(err)
	}
	if _, err := New(f, nil, far).Discover(t.Context(), &pooldef.Source{}); err == nil {
		t.Error("no server given: got no error")
	}
}

// TestStart checks the commands that run mount(8).
func TestStart(t *testing.T) {
	const prefix = "-o nodev,nosuid,noexec"
	for _, c := range []struct{ format, protocol, want string }{
		{"auto", "", "mount " + prefix + " -- '[2001:db8::7]:/srv/x' /DIR"},
		{"nfs", "4.1", "mount -t nfs " + prefix + ",nfsvers=4.1 -- '[2001:db8::7]:/srv/x' /DIR"},
		{"cifs", "", "mount -t cifs " + prefix + ",guest -- //2001:db8::7/srv/x /DIR"},
		{"glusterfs", "", "mount -t glusterfs " + prefix + ",direct-io-mode=1 -- 2001:db8::7:/srv/x /DIR"},
	} {
		p := netPool(c.format, "2001:db8::7", "/srv/x")
		p.Source.Protocol, p.Target.Path = c.protocol, t.TempDir()
		var plan strings.Builder
		if err := New(host.NewDryRun(&host.Local{}, &plan), nil, far).Start(t.Context(), p); err != nil {
			t.Error(err)
		}
		if got := strings.TrimSpace(strings.ReplaceAll(plan.String(), p.Target.Path, "/DIR")); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
