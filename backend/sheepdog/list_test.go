package sheepdog

import (
	"reflect"
	"testing"

	"poolctl/pooldef"
)

// recorded is what dog 1.0.1 has printed; the third is of a version without the size of objects, the last of a snapshot that has failed half-way.
const recorded = `= tab\	name 0 8388608 0 0 1795354237 5c8bc 1  22
= new\
line 0 8388608 0 0 1795354237 bda7b 1  22
s t1 1 134217728 4194304 0 1795354216 6a5e16 1 snap1
s t1 2 134217728 0 8388608 1795354216 6a5e17 4:2 a tag 22
c back\\slash 0 8388608 0 4194304 1795354237 a0d5bf 1  22
s t1 3 134217728 0 0 1795354217 6a5e18 1  22
= t1:snap1 0 5497558138880 0 0 1795354238 5b5b59 1 half 22
`

func TestParseImages(t *testing.T) {
	got, err := parseImages(recorded)
	want := []*image{
		{name: "tab\tname", size: 8388608},
		{name: "new\nline", size: 8388608},
		{name: "t1", snapshot: true, id: 1, tag: "snap1", size: 134217728, used: 4194304, hidden: true},
		{name: "t1", snapshot: true, id: 2, tag: "a tag", size: 134217728, shared: 8388608},
		{name: `back\slash`, size: 8388608, shared: 4194304},
		{name: "t1", snapshot: true, id: 3, size: 134217728},
		{name: "t1:snap1", size: 5497558138880},
	}
	if !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("got %+v, error %v", got, err)
	}
	for i, name := range []string{"tab\tname", "new\nline", "t1:snap1", "t1:a tag", `back\slash`, "t1:3", "t1:snap1"} {
		if got[i].volumeName() != name {
			t.Errorf("%d is called %q, want %q", i, got[i].volumeName(), name)
		}
	}
	for _, text := range []string{
		"x", "\n", "= \n", "= v\n", "= v 0 1 2 3 4 5 1\n", "? v 0 8388608 0 0 1795354237 5c8bc 1  22\n", "= v 0 8M 0 0 1795354237 5c8bc 1  22\n",
		"== v 0 8388608 0 0 1795354237 5c8bc 1  22\n", `= v\`, "= v 0 -1 0 0 1795354237 5c8bc 1  22\n",
		"  Name        Id    Size    Used  Shared    Creation time   VDI id  Copies  Tag   Block Size Shift\n",
	} {
		if got, err := parseImages(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestParseSpace(t *testing.T) {
	got, err := parseSpace("0 80759431168 4096 80759427072 0%\n1 0 0 0 0%\nTotal 80759431168 4096 80759427072 0% 1073741824\n")
	if want := (pooldef.Space{Capacity: 80759431168, Allocation: 4096, Available: 80759427072}); got != want || err != nil {
		t.Errorf("got %+v, error %v", got, err)
	}
	for _, text := range []string{"", "0 1 2 3 0%\n", "Total\n", "Total 76 GB 0.0 MB 76 GB 0%\n"} {
		if got, err := parseSpace(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(recorded)
	f.Add("Total 80759431168 4096 80759427072 0% 1073741824\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseImages(text)
		for _, i := range all {
			if i == nil || err != nil {
				t.Errorf("%q: %+v, error %v", text, i, err)
			}
		}
		_, _ = parseSpace(text)
	})
}
