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
