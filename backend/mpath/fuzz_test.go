package mpath

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path"
	"testing"
	"testing/fstest"
)

// FuzzTopology parses output of multipathd. The number of paths must not exceed the number of bytes.
func FuzzTopology(f *testing.F) {
	said, err := os.ReadFile("testdata/multipathd.json")
	ok(f, err)
	f.Add(string(said))
	for _, text := range []string{
		`{"maps":[{"sysfs":"dm-2","path_groups":[{"group":-1,"pri":1e3,"paths":[null]}]},{"sysfs":"dm-2"}]}`,
		`{"maps":[{"path_groups":null}]}`, `{"maps":{}}`, `{"maps": []}`, `null`, `timeout`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		known, err := New(machine{output: text}, nil).query(t.Context())
		if err != nil && known != nil {
			t.Errorf("got %v, error %v", known, err)
		}
		count := 0
		for _, paths := range known {
			count += len(paths)
		}
		if count > len(text) || len(known) > len(text) {
			t.Errorf("%d paths of %d maps", count, len(known))
		}
		if _, err := json.Marshal(known); err != nil {
			t.Error(err)
		}
	})
}

// FuzzMaps parses maps in /sys, whose sizes come from devices and whose names come from multipathd. The path
// must be directly in a directory of devices.
func FuzzMaps(f *testing.F) {
	f.Add("mpath-3600", "mpatha", "2048\n")
	f.Add("mpath-", "../sda", "18446744073709551615\n")
	f.Add("mpath-x", "..", "-1")
	f.Add("mpath-x", "a\x1b[m/\xff", "")
	f.Fuzz(func(t *testing.T, uuid, name, size string) {
		sys := fstest.MapFS{"block/dm-1/dm/uuid": {Data: []byte(uuid)}, "block/dm-1/dm/name": {Data: []byte(name)},
			"block/dm-1/size": {Data: []byte(size)}}
		all, err := New(kernel{machine{}, sys}, nil).maps(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			v := m.volume()
			isPath := path.Dir(v.Target.Path) == directory || v.Target.Path == "/dev/dm-1"
			if !isPath || v.Capacity.Bytes > math.MaxInt64 || m.wrong != nil && m.size != 0 {
				t.Errorf("%+v: %+v", m, v)
			}
		}
	})
}

// A kernel is a machine with another /sys.
type kernel struct {
	machine
	sys fs.FS
}

func (k kernel) Sys() fs.FS { return k.sys }
