package format

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "1": 1, "1b": 1, "7bytes": 7, "1k": 1024, "1K": 1024, "1KiB": 1024, "1kb": 1000, "10M": 10 << 20,
		"1MB":  1000000,
		"1.5G": 3 << 29, "2 GiB": 2 << 30, "1T": 1 << 40, "1PiB": 1 << 50, "15E": 15 << 60, "1EB": 1e18, "0.5": 1,
		"1.0":    1,
		"0.001K": 2, "18446744073709551615": math.MaxUint64, " 12 ": 12, "1.999999999999999K": 2048,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "is not a size", "-5": "is not a size", "10Q": `unknown unit "Q"`, "99E": "too large",
		"18446744073709551616": "too large",
		"16E":                  "too large", "1.": "is not a size", ".5": "is not a size", "1.5.5": "is not a size",
		"1 2": "unknown unit", "0x10": "unknown unit",
		"1e3": "unknown unit", "15.9999999999E": "", "١": "is not a size",
	} {
		if _, err := ParseSize(text); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("ParseSize(%q): %v; want an error with %q", text, err, want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1", "1.5G", "16E", "0.999999999E", "1 TiB", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err == nil && n > 0 && strings.Trim(s, " 0.") == "" {
			t.Errorf("ParseSize(%q) = %d", s, n)
		}
	})
}

// TestHumanSize compares with what virsh 9.0.0 prints.
func TestHumanSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0.00 B", 8: "8.00 B", 1023: "1023.00 B", 1025: "1.00 KiB", 1048575: "1024.00 KiB",
		1 << 30:    "1.00 GiB",
		1509990400: "1.41 GiB", math.MaxUint64: "16.00 EiB",
	} {
		if got := HumanSize(n); got != want {
			t.Errorf("HumanSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	header := []string{"Name", "State", "Autostart"}
	for _, test := range []struct {
		name       string
		rows       [][]string
		withHeader bool
		want       string
	}{
		{"rows", [][]string{{"d1", "active", "no"}}, true,
			" Name   State    Autostart\n----------------------------\n d1     active   no\n"},
		{"no rows", nil, true, " Name   State   Autostart\n---------------------------\n"},
		{"quiet", [][]string{{"d1", "active", "no"}, {"dirpool", "active", "no"}}, false,
			" d1        active   no\n dirpool   active   no\n"},
		{"quiet, no rows", nil, false, ""},
		{"wide and hostile", [][]string{{"ü日", "a\nb\x1b[31m", `c:\x`}, {"\xff", "  two", ""}}, true,
			" Name   State            Autostart\n------------------------------------\n" +
				" ü日    a\\x0ab\\x1b[31m   c:\\x5cx\n \\xff     two            \n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Table(&b, header, test.rows, test.withHeader); err != nil || b.String() != test.want {
				t.Errorf("%v\ngot\n%s\nwant\n%s", err, b.String(), test.want)
			}
		})
	}
}

// A writeCounter counts writes.
type writeCounter struct {
	bytes.Buffer
	writes int
}

func (w *writeCounter) Write(b []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(b)
}

// TestListStreams prints the first record at once, and the others in large writes.
func TestListStreams(t *testing.T) {
	for _, style := range []string{"json", "jsonl", "yaml", "csv", "name", "null"} {
		w := &writeCounter{}
		l := NewList(w, style, "pools", []string{"name", "size"})
		if w.writes != 0 {
			t.Errorf("%s: %q before the first record", style, w)
		}
		for i := range 1000 {
			if err := l.Add("first", uint64(i)); err != nil {
				t.Fatal(err)
			}
			if i == 0 && !strings.Contains(w.String(), "first") {
				t.Errorf("%s: the first record is not printed", style)
			}
		}
		if err := l.Close(); err != nil || w.writes > 4 {
			t.Errorf("%s: %d writes, error %v", style, w.writes, err)
		}
		if n := strings.Count(w.String(), "first"); n != 1000 {
			t.Errorf("%s: %d records", style, n)
		}
	}
}

func TestList(t *testing.T) {
	wants := map[string]string{
		"json": "{\n  \"schema\": 1,\n  \"pools\": [\n    {\n      \"name\": \"a&b\",\n      \"size\": null\n" +
			"    },\n    {\n      \"name\": \"q\\\"\\n\",\n      \"size\": 7\n    }\n  ]\n}\n",
		"yaml": "schema: 1\npools:\n- name: a&b\n  size: null\n- name: |\n    q\"\n  size: 7\n",
		"csv":  "name,size\na&b,\n\"q\"\"\n\",7\n",
		"name": "a&b\nq\"\n\n",
	}
	empty := map[string]string{"json": "{\n  \"schema\": 1,\n  \"pools\": []\n}\n",
		"yaml": "schema: 1\npools: []\n", "csv": "name,size\n", "name": ""}
	for style, want := range wants {
		var b bytes.Buffer
		l := NewList(&b, style, "pools", []string{"name", "size"})
		for _, record := range [][]any{{"a&b", nil}, {"q\"\n", uint64(7)}} {
			if err := l.Add(record...); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil || b.String() != want {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", style, err, b.String(), want)
		}
		b.Reset()
		err := NewList(&b, style, "pools", []string{"name", "size"}).Close()
		if err != nil || b.String() != empty[style] {
			t.Errorf("%s, empty: %v %q", style, err, b.String())
		}
	}
}
