package logical

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// cannedHost answers every query with the same text.
type cannedHost struct {
	host.Host
	text string
}

func (s cannedHost) Query(context.Context, host.Command) ([]byte, error) { return []byte(s.text), nil }

func (s cannedHost) Change(context.Context, host.Step) error { return errors.New("nothing is changed") }

// FuzzReport parses output of lvs, vgs and pvs. The results must not be larger than the input.
func FuzzReport(f *testing.F) {
	recorded, err := os.ReadFile("testdata/lvs.json")
	ok(f, err)
	f.Add(string(recorded))
	for _, text := range []string{
		`{"report":[{"vg":[{"vg_size":"197132288","vg_free":"0","vg_missing_pv_count":"1","pv_name":"/dev/loop0"}]}]}`,
		`{"report":[{"pv":[{"pv_name":"/dev/loop0","vg_name":"vg-0"},{"pv_name":"[unknown]","vg_name":""}]}]}`,
		lvs("seg_le_ranges", "[a]:0-1,/x:0-18446744073709551615"), lvs("data_percent", "NaN"),
		lvs("lv_name", "../x"), `{"report":[{"lv":{}}]}`, `{"report":[{"lv":null}]}`, `{"report":{}}`,
		`{"report":[null]}`, `{}`, `[`, ``, `{"report":[{"lv":[{"a":1}]}]}`, `{"report":[{"lv":[[]]}]}`,
		`{"report":[{"lv":[{}, {"a":"b","\u0061":"\"\\"}]}], "log":[{"a":[-1.5e+3,true,null]}],"x":1}`,
		`{"log":"{","report":[{"vg":[{"lv":"["}],"lv":[{"ü":"\ud800\u00e9"}]}, {"lv":[{"b":""}]}]}`,
		"{\"report\":[{\"lv\":[{\"a\":\"\xff\"}]}]}", "{}\v", `{"report":[{"lv":[{"a":"b",}]}]}`, `{"report":[,]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkScanner(t, text)
		p, b := &pooldef.Pool{Source: pooldef.Source{Name: "vg-0"}}, New(cannedHost{&host.Local{}, text}, nil)
		all, err := b.allVolumes(t.Context(), p, allFields)
		if err != nil && all != nil || len(all) > len(text) {
			t.Errorf("%d volumes, error %v", len(all), err)
		}
		for _, v := range all {
			readAll(t, v, indexOf(all), len(text))
		}
		g, err := b.group(t.Context(), p)
		if err == nil && (len(g.devices) > len(text) || max(g.size, g.free) > math.MaxInt64) {
			t.Errorf("%+v", g)
		}
		if devices, err := b.physicalVolumes(t.Context()); len(devices) > len(text) || err != nil &&
			devices != nil {
			t.Errorf("%d devices, error %v", len(devices), err)
		}
	})
}

// checkScanner compares the rows of a report with those that encoding/json reads.
func checkScanner(t *testing.T, report string) {
	t.Helper()
	err := newReader("lvs", "").each([]byte(report), "lv", func() {})
	if err == nil && !json.Valid([]byte(report)) {
		t.Errorf("%q is not JSON", report)
	}
	var answer struct {
		Report []map[string][]map[string]string `json:"report"`
	}
	err = json.Unmarshal([]byte(report), &answer)
	plain, _ := json.Marshal(answer) // with each key once
	if err != nil || bytes.Contains(plain, []byte("null")) {
		return
	}
	var want, got []map[string]string
	fields := map[string]bool{}
	for _, part := range answer.Report {
		want = append(want, part["lv"]...)
		for _, row := range part["lv"] {
			for field := range row {
				fields[field] = true
			}
		}
	}
	r := newReader("lvs", "")
	r.asked = slices.Sorted(maps.Keys(fields))
	r.texts, r.found = make([]string, len(fields)), make([]bool, len(fields))
	err = r.each(plain, "lv", func() {
		row := map[string]string{}
		for _, field := range r.asked {
			if text, found := r.value(field); found {
				row[field] = text
			}
		}
		got = append(got, row)
	})
	if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, error %v; want %q", got, err, want)
	}
}

// readAll reads all properties of a volume, encodes it as JSON, and compares its extents with the input of
// the given length.
func readAll(t *testing.T, v *logicalVolume, all index, length int) {
	t.Helper()
	found := extents(v, all)
	if len(found) > length {
		t.Errorf("%d extents", len(found))
	}
	for _, e := range found {
		if !strings.HasPrefix(e.Device, "/") || e.Start >= e.End || e.End > math.MaxInt64 {
			t.Errorf("%+v is not an extent", e)
		}
	}
	shown := summary(&pooldef.Pool{Source: pooldef.Source{Name: "vg-0"}}, v)
	shown.Capacity, shown.Allocation = pooldef.Bytes(v.capacity()), v.allocation()
	if _, err := json.Marshal(shown); err != nil {
		t.Errorf("%+v: error %v", shown, err)
	}
	isName := v.Name[0] != '-' && !strings.ContainsAny(v.Name+v.Origin, "/\x00\n")
	if v.Extent == 0 || max(v.capacity(), v.allocation().Bytes) > math.MaxInt64 || !isName {
		t.Errorf("%+v", *v.segment)
	}
	_ = []bool{
		v.isVolume(), v.isActivated(), v.isActive(), v.isPartial(), v.isOverflowed(), v.isSnapshot(),
		v.isIndependent(all),
	}
}

// lvs returns lvs output for a volume, with one field changed.
func lvs(field, value string) string {
	fields := map[string]string{}
	for name := range strings.SplitSeq(allFields, ",") {
		fields[name] = ""
	}
	for name, text := range map[string]string{
		"lv_name": "a", "lv_size": "8388608", "vg_extent_size": "4194304", "seg_le_ranges": "/dev/sda:0-1",
		"segtype": "thin", "lv_attr": "Vwi-a-tz--", "data_percent": "50.00", field: value,
	} {
		fields[name] = text
	}
	row, _ := json.Marshal(fields)
	return `{"report":[{"lv":[` + string(row) + `]}]}`
}

// TestLies checks that every operation's error names the field that has an impossible value.
func TestLies(t *testing.T) {
	p := &pooldef.Pool{Type: pooldef.Logical, Source: pooldef.Source{Name: "vg-0"}}
	lies := map[string][]string{
		"lv_name": {"", ".", "..", "../x", "a/b", "-y", "a\nb", "a b", "\x1b[31m", "[", "[]", "[-a]", "[../x]",
			"a]", "\xff"},
		"origin":  {"../x", "-y", "a\nb", "[x", "a/b"},
		"pool_lv": {"../x", "a\nb"},
		"lv_size": {"9223372036854775808", "18446744073709551615", "18446744073709551616", "-1", "NaN", "1e9",
			"0x10", "8388608B"},
		"origin_size":    {"9223372036854775808", "-1"},
		"vg_extent_size": {"", "0", "9223372036854775808", "-1"},
		"data_percent":   {"NaN", "Inf", "-1", "100.01", "1e999", "x"},
		"seg_le_ranges": {"/x:0-18446744073709551615", "/x:9-8", "/x:0-99999999999999999999",
			"/x:0-4398046511103", "/x:0-1\n"},
		"lv_kernel_major": {"../..", "-2", "x", "4294967296"},
		"lv_kernel_minor": {"/../../etc", "-2"},
		"lv_attr":         {"\n"},
		"lv_uuid":         {"\x00"},
	}
	for field, values := range lies {
		for _, value := range values {
			b, wrong := New(cannedHost{&host.Local{}, lvs(field, value)}, nil), (*backend.AnswerError)(nil)
			for what, err := range map[string]error{
				"listing":  firstError(b.Details(t.Context(), p)),
				"resizing": b.Resize(t.Context(), p, "a", 16<<20, backend.ResizeOptions{}),
				"deleting": b.Delete(t.Context(), p, "a"),
			} {
				if !errors.As(err, &wrong) || wrong.Tool != "lvs" || wrong.Field != field {
					t.Errorf("%s, %s %q: error %v", what, field, value, err)
				}
			}
		}
	}
	for _, text := range []string{
		lvs("", "")[:80], `{"report":[{"lv":[{"lv_name":1}]}]}`, `{"report":[{"lv":{}}]}`, `{"report":[{"lv":[`,
	} {
		err := firstError(New(cannedHost{&host.Local{}, text}, nil).Details(t.Context(), p))
		if err == nil || !strings.Contains(err.Error(), "output of lvs") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// firstError returns the first error of a listing.
func firstError(all func(func(*pooldef.Volume, error) bool)) (err error) {
	for _, err = range all {
		if err != nil {
			break
		}
	}
	return err
}

// refusingHost is a host that refuses changes.
type refusingHost struct{ host.Host }

func (refusingHost) Change(context.Context, host.Step) error { return errors.New("nothing is changed") }

// TestLiar runs a program that lies in place of lvs.
func TestLiar(t *testing.T) {
	p := &pooldef.Pool{Type: pooldef.Logical, Source: pooldef.Source{Name: "vg-0"}}
	b := New(refusingHost{&host.Local{}}, nil)
	row := strings.TrimSuffix(strings.TrimPrefix(lvs("lv_name", "v%.0f"), `{"report":[{"lv":[`), `]}]}`)
	const many = 3000
	rows := `seq -s, -f '` + row + `' 1 ` + strconv.Itoa(many)
	backendtest.FakeProgram(t, "lvs", `printf '{"report":[{"lv":['; `+rows+`; printf ']}]}'`)
	count := 0
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		if count++; v.Capacity.Bytes != 8<<20 {
			t.Fatalf("%+v", v)
		}
	}
	if count != many {
		t.Errorf("%d volumes, want %d", count, many)
	}
	for script, want := range map[string]string{
		`printf '{"report":[{"lv":[{"lv_name":"a"'`:                "output of lvs",
		`head -c 100000 /dev/zero`:                                 "output of lvs",
		`echo '` + lvs("lv_name", "../../etc") + `'`:               `impossible lv_name: "../../etc"`,
		`echo '` + lvs("lv_name", "-y") + `'`:                      `impossible lv_name: "-y"`,
		`echo '` + lvs("lv_size", "9223372036854775808") + `'`:     `impossible lv_size`,
		`echo '` + lvs("lv_name", "a") + `'; echo no >&2; exit 5`:  "status 5: no",
		`echo '` + lvs("lv_name", "a") + `'; kill -9 $$`:           "killed by a signal",
		`echo '` + lvs("lv_name", "a") + lvs("lv_name", "b") + `'`: "output of lvs",
		`echo '` + strings.Repeat("[", 20000) + `'`:                "output of lvs",
	} {
		backendtest.FakeProgram(t, "lvs", script)
		if err := firstError(b.Details(t.Context(), p)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: error %.200v, want %s", script, err, want)
		}
	}
}
