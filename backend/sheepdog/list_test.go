package sheepdog

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// recorded is output of dog 1.0.1. The third line is from a version without object sizes, the last from a
// snapshot that failed halfway.
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
	for _, i := range got {
		if i.created.Unix() < 1795354216 || i.created.Unix() > 1795354238 {
			t.Errorf("%q: created %v", i.volumeName(), i.created)
		}
		i.created = time.Time{}
	}
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
	for i, name := range []string{
		"tab\tname", "new\nline", "t1:snap1", "t1:a tag", `back\slash`, "t1:3", "t1:snap1",
	} {
		if got[i].volumeName() != name {
			t.Errorf("%d is named %q, want %q", i, got[i].volumeName(), name)
		}
	}
	for _, text := range []string{
		"x", "\n", "= \n", "= v\n", "= v 0 1 2 3 4 5 1\n", "? v 0 8388608 0 0 1795354237 5c8bc 1  22\n",
		"= v 0 8M 0 0 1795354237 5c8bc 1  22\n",
		"== v 0 8388608 0 0 1795354237 5c8bc 1  22\n", `= v\`, "= v 0 -1 0 0 1795354237 5c8bc 1  22\n",
		"  Name        Id    Size    Used  Shared    Creation time   VDI id  Copies  Tag   Block Size Shift\n",
	} {
		if got, err := parseImages(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestParseSpace(t *testing.T) {
	got, err := parseSpace(
		"0 80759431168 4096 80759427072 0%\n1 0 0 0 0%\nTotal 80759431168 4096 80759427072 0% 1073741824\n",
	)
	if want := (pooldef.Space{Capacity: 80759431168, Allocation: 4096, Available: 80759427072}); got != want ||
		err != nil {
		t.Errorf("got %+v, error %v", got, err)
	}
	for _, text := range []string{"", "0 1 2 3 0%\n", "Total\n", "Total 76 GB 0.0 MB 76 GB 0%\n"} {
		if got, err := parseSpace(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

// FuzzParse parses output of dog. All volumes must have distinct names and valid sizes.
func FuzzParse(f *testing.F) {
	f.Add(recorded)
	f.Add("Total 80759431168 4096 80759427072 0% 1073741824\n")
	f.Add("Total 18446744073709551615 -1 NaN 0%\n")
	f.Add("= v 0 9223372036854775807 9223372036854775807 1 1795354237 5c8bc 1  22\n=  0 1 0 0 1 5 1  22\n")
	f.Add("s v 1 1 0 0 1 5 1 t 22\ns v 2 1 0 0 1 5 1 t 22\n" + strings.Repeat("= v:t 0 1 0 0 1 5 1  22\n", 2))
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseImages(text)
		names := map[string]bool{}
		for _, i := range all {
			switch {
			case i == nil || err != nil:
				t.Fatalf("%q: %+v, error %v", text, i, err)
			case i.name == "" || max(i.size, i.used+i.shared) > math.MaxInt64:
				t.Errorf("%q: %+v", text, i)
			case !i.hidden && names[i.volumeName()]:
				t.Errorf("%q: two volumes named %q", text, i.volumeName())
			}
			names[i.volumeName()] = names[i.volumeName()] || !i.hidden
		}
		s, err := parseSpace(text)
		if err == nil && max(s.Capacity, s.Allocation, s.Available) > math.MaxInt64 {
			t.Errorf("%q: %+v", text, s)
		}
	})
}

// TestLies checks that the error names the field that has an impossible value.
func TestLies(t *testing.T) {
	for text, field := range map[string]string{
		"= v 0 9223372036854775808 0 0 1 5 1  22\n":                    "size",
		"= v 0 18446744073709551616 0 0 1 5 1  22\n":                   "size",
		"= v 0 NaN 0 0 1 5 1  22\n":                                    "size",
		"s v -1 1 0 0 1 5 1 t 22\n":                                    "id",
		"= v 0 1 -1 0 1 5 1  22\n":                                     "used size",
		"= v 0 1 0 18446744073709551615 1 5 1  22\n":                   "shared size",
		"= v 0 1 9223372036854775807 1 1 5 1  22\n":                    "used and shared size",
		"=  0 1 0 0 1 5 1  22\n":                                       "name",
		"= " + strings.Repeat("n", maxName+1) + " 0 1 0 0 1 5 1  22\n": "name",
	} {
		_, err := parseImages(text)
		if wrong, ok := errors.AsType[*backend.AnswerError](err); !ok || wrong.Tool != "dog" ||
			wrong.Field != field {
			t.Errorf("%q: error %v, want %q", text, err, field)
		}
	}
	for text, field := range map[string]string{
		"Total 9223372036854775808 0 0 0%\n": "total size",
		"Total 1 -1 0 0%\n":                  "used size",
		"Total 1 0 NaN 0%\n":                 "available size",
	} {
		_, err := parseSpace(text)
		if wrong, ok := errors.AsType[*backend.AnswerError](err); !ok || wrong.Field != field {
			t.Errorf("%q: error %v, want %q", text, err, field)
		}
	}
}

// TestCalledAlike checks which of several images with the same volume name is listed: the VDI, or else the
// oldest snapshot.
func TestCalledAlike(t *testing.T) {
	all, err := parseImages("s v 2 2 0 0 1 5 1 t 22\ns v 1 1 0 0 1 5 1 t 22\ns w 1 1 0 0 1 5 1 t 22\n" +
		"= w:t 0 2 0 0 1 5 1  22\n= x 0 1 0 0 1 5 1  22\n= x 0 2 0 0 1 5 1  22\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range all {
		if i.isVolume() {
			got = append(got, fmt.Sprint(i.volumeName(), " ", i.size))
		}
	}
	if want := []string{"v:t 1", "w:t 2", "x 1"}; !slices.Equal(got, want) {
		t.Errorf("volumes are %q, want %q", got, want)
	}
}

// TestLiar runs a program that lies in place of dog.
func TestLiar(t *testing.T) {
	b := New(&host.Local{}, time.Minute)
	source := pooldef.Source{Name: "s", Hosts: []pooldef.Host{{Name: "192.0.2.1"}}}
	p := &pooldef.Pool{Type: pooldef.Sheepdog, Source: source}
	const many = 50000
	backendtest.FakeProgram(t, "dog", "seq -f '= v%.0f 0 1 0 0 1 5 1  22' 1 "+strconv.Itoa(many))
	if all, err := b.all(t.Context(), p); err != nil || len(all) != many {
		t.Errorf("%d images, error %v", len(all), err)
	}
	for script, want := range map[string]string{
		"head -c 100000 /dev/zero":                       "not what dog should print",
		"printf '= v 0 1'":                               "not what dog should print",
		"echo '= v 0 9223372036854775808 0 0 1 5 1  22'": `impossible size: "9223372036854775808"`,
		"echo '= v 0 -1 0 0 1 5 1  22'":                  `impossible size: "-1"`,
		"echo '=  0 1 0 0 1 5 1  22'":                    "impossible name",
		"echo '= v 0 1 0 0 1 5 1  22'; echo no >&2":      "no",
		"echo '= v 0 1 0 0 1 5 1  22'; kill -9 $$":       "killed by a signal",
	} {
		backendtest.FakeProgram(t, "dog", script)
		_, err := b.all(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 2000 {
			t.Errorf("%.100s: error %.200v, want %s", script, err, want)
		}
	}
}
