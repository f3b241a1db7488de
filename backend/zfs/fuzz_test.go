package zfs

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/pooldef"
)

// FuzzParse reads what zfs list could say.
func FuzzParse(f *testing.F) {
	const pool = "tank\tfilesystem\t1\t-\t-\t0\t1\t365708800\t-\tnone\tdefault\n"
	for _, text := range []string{
		pool, pool + "tank/thick\tvolume\t1\t1048576\t8192\t3145728\t1\t365708800\t-\t-\tdefault\n",
		pool + "tank/copy\tvolume\t1\t18446744073709551615\t0\tnone\t1\t0\ttank/v@s\t-\tnone\n", pool + pool,
		pool + "other\tvolume\t1\t18446744073709551616\t8192\t-\t1\t1\t-\t-\tdefault\n",
		"tank\tvolume\t1\t1\t1\t1\t1\t1\t-\t-\tdefault\n", "tank/v\tvolume\n", "\t\t\t\t\t\t\t\t\t\t\n", "\n", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parse("tank", text)
		if err != nil {
			if state := (*backend.StateError)(nil); !strings.Contains(err.Error(), "zfs list") && !errors.As(err, &state) {
				t.Errorf("error %v", err)
			}
			return
		}
		if l.name != "tank" || l.kind != "filesystem" || len(l.children) > strings.Count(text, "\n") {
			t.Errorf("got %+v", l)
		}
		p := &pooldef.Pool{Name: "pool", Source: pooldef.Source{Name: "tank"}}
		for _, r := range l.children {
			if l.child(r.name) == nil && r.isVolume() {
				t.Errorf("%q is not found", r.name)
			}
			if _, err := json.Marshal(described(p, r)); err != nil || strings.ContainsAny(r.name, "\t\n") {
				t.Errorf("%+v: error %v", r, err)
			}
		}
	})
}
