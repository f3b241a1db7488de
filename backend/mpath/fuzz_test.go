package mpath

import (
	"encoding/json"
	"os"
	"testing"
)

// FuzzTopology reads what multipathd could say. There are no more paths than the answer has bytes.
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
		known, err := New(machine{says: text}, nil).ask(t.Context())
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
