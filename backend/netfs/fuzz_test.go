package netfs

import (
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// FuzzDiscover reads what showmount(8) could print, of which a server has written most.
func FuzzDiscover(f *testing.F) {
	for _, text := range []string{
		"/srv/two       10.0.0.0/8\n/srv/a b/ *\n\nnonsense\n", "/ *", "/srv \x1b[31m\n", "/srv/\xff *\n", "/srv\r *\r\n", "srv *\n", "/srv\n",
		"/ " + strings.Repeat(" ", 1000) + "*", "",
	} {
		f.Add(text)
	}
	spec := &pooldef.Source{Hosts: []pooldef.Host{{Name: "files.example"}}}
	f.Fuzz(func(t *testing.T, text string) {
		machine := &fake{Host: &host.Local{}, out: map[string]string{"showmount": text, "gluster": text}}
		found, err := New(machine, nil, far).Discover(t.Context(), spec)
		if err != nil || len(found) > strings.Count(text, "\n")+1+len(text)/len("<volume/>") {
			t.Errorf("%d sources, error %v", len(found), err)
		}
		for _, s := range found {
			if s.Format == "nfs" && (!strings.HasPrefix(s.Dir, "/") || !backend.IsPlain(s.Dir)) {
				t.Errorf("%q is no directory", s.Dir)
			}
		}
	})
}

// FuzzMounted reads what the kernel could have of a mount: its source is what the server is called, or what a
// program of FUSE's says.
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
		b := New(&fake{Host: &host.Local{}}, nil, far)
		source := pooldef.Source{Hosts: []pooldef.Host{{Name: "files.example"}}, Dir: "/srv", Format: "nfs"}
		is, err := b.isSource(t.Context(), &pooldef.Pool{Type: pooldef.NetFS, Source: source}, m)
		s := mounted(m)
		if err != nil || is && (s.kind != "nfs" || s.place() != "srv" || len(s.host)+len(s.dir) > len(text)) {
			t.Errorf("%+v: error %v", s, err)
		}
	})
}
