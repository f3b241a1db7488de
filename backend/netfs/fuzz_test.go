package netfs

import (
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// FuzzDiscover parses output of showmount(8), most of which a server determines.
func FuzzDiscover(f *testing.F) {
	for _, text := range []string{
		"/srv/two       10.0.0.0/8\n/srv/a b/ *\n\nnonsense\n", "/ *", "/srv \x1b[31m\n", "/srv/\xff *\n",
		"/srv\r *\r\n", "srv *\n", "/srv\n",
		"/ " + strings.Repeat(" ", 1000) + "*", "",
	} {
		f.Add(text)
	}
	spec := &pooldef.Source{Hosts: []pooldef.Host{{Name: "files.example"}}}
	f.Fuzz(func(t *testing.T, text string) {
		machine := &fakeHost{Host: &host.Local{}, out: map[string]string{"showmount": text, "gluster": text}}
		found, err := New(machine, nil, far).Discover(t.Context(), spec)
		if err != nil || len(found) > strings.Count(text, "\n")+1+len(text)/len("<volume/>") {
			t.Errorf("%d sources, error %v", len(found), err)
		}
		for _, s := range found {
			if s.Format == "nfs" && (!strings.HasPrefix(s.Dir, "/") || !backend.IsPlain(s.Dir)) {
				t.Errorf("%q is not an absolute, plain path", s.Dir)
			}
		}
	})
}

// FuzzMounted parses mounts. A mount's source contains the server's name, or whatever a FUSE program sets.
func FuzzMounted(f *testing.F) {
	for _, text := range []string{
		"files.example:/srv", "[2001:db8::7]:/srv/", "//files.example/share", "gv0", ":", "::/", "//", "",
		"files.example:/srv\x00",
	} {
		f.Add("nfs4", text, "rw,addr=192.0.2.7")
		f.Add("cifs", text, "addr=,addr=x,addr=::ffff:192.0.2.7")
	}
	f.Fuzz(func(t *testing.T, kind, text, options string) {
		m := &host.Mount{Type: kind, Source: text, Options: options}
		b := New(&fakeHost{Host: &host.Local{}}, nil, far)
		source := pooldef.Source{Hosts: []pooldef.Host{{Name: "files.example"}}, Dir: "/srv", Format: "nfs"}
		is, err := b.isSource(t.Context(), &pooldef.Pool{Type: pooldef.NetFS, Source: source}, m)
		s := mountedSource(m)
		if err != nil || is && (s.kind != "nfs" || s.normalDir() != "srv" ||
			len(s.host)+len(s.dir) > len(text)) {
			t.Errorf("%+v: error %v", s, err)
		}
	})
}
