package disk

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
)

// FuzzRead parses parted output.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		partedOutput("1", "1B", "2B", "primary"), `{"disk":{"label":"gpt","geometry":"1,2,3 4kB"}}{"disk":{}}`,
		`{"disk":{}}`, `{"disk":{"partitions":[{"start":"-1B"}]}}`, `{}`, ``, `[`,
		`{"disk":{"label":"sun","geometry":"0,0,0"}}`, strings.Replace(partedOutput("1", "0B", "99B", "free"),
			`"gpt"`, `"sun","geometry":"1,4294967296,8388608"`, 1),
		partedOutput("1", "0B", "18446744073709551615B", "primary"),
		partedOutput("2147483647", "5B", "4B", "logical"),
		partedOutput("1", "1048576B", "9437183B", "extended"),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := New(cannedHost{&host.Local{}, text}, nil, time.Minute)
		table, err := b.read(t.Context(), &device{path: "/dev/sda"})
		if err != nil || table.label == "" {
			return
		}
		for _, x := range table.partitions {
			if x.number < 1 || x.start >= x.end || x.end > math.MaxInt64 {
				t.Errorf("%+v", x)
			}
		}
		x := &partition{kind: primary}
		if err := table.place(x, mib, "pool"); err == nil && (x.end-x.start < mib || x.end > math.MaxInt64) {
			t.Errorf("placed at %+v", x)
		}
		table.next(logical)
		table.next(primary)
	})
}

// FuzzHolds parses wipefs output.
func FuzzHolds(f *testing.F) {
	for _, text := range []string{
		`{"signatures":[{"device":"sda","offset":"0x438","type":"ext4","uuid":"x","label":null}]}`,
		`{"signatures":[]}`, `{"signatures":null}`, `{"signatures":[null]}`, `{"signatures":{}}`, `[`, ``,
		`{"signatures":[{"type":"gpt"},{"type":"gpt"},{"type":"\u001b[31m"}]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := host.Signatures(t.Context(), cannedHost{&host.Local{}, text}, "/dev/null")
		words := host.Words(found)
		if len(found) > len(text) || len(words) > 2*len(text) || err != nil && found != nil {
			t.Errorf("%q, error %v", words, err)
		}
	})
}

// cannedHost answers every query with the same text.
type cannedHost struct {
	host.Host
	text string
}

func (s cannedHost) Query(context.Context, host.Command) ([]byte, error) { return []byte(s.text), nil }

// partedOutput returns parted output for a disk with one partition.
func partedOutput(number, start, end, kind string) string {
	row := `{"number":` + number + `,"start":"` + start + `","end":"` + end + `","type":"` + kind + `"}`
	return `{"disk":{"label":"gpt","max-partitions":128,"partitions":[` + row + `]}}`
}

// TestLies checks that the error names the field that has an impossible value.
func TestLies(t *testing.T) {
	part := func(number string) string {
		return `{"number":` + number + `,"start":"0B","end":"9223372036854775806B","type":"primary"}`
	}
	const free = `{"start":"0B","end":"9223372036854775806B","type":"free"}`
	for text, field := range map[string]string{
		partedOutput("1", "9223372036854775808B", "9223372036854775809B", "primary"):                   "start",
		partedOutput("1", "-1B", "5B", "primary"):                                                      "start",
		partedOutput("1", "NaN", "5B", "primary"):                                                      "start",
		partedOutput("1", "0B", "18446744073709551615B", "primary"):                                    "end",
		partedOutput("1", "0B", "9223372036854775807B", "primary"):                                     "end",
		partedOutput("1", "5B", "4B", "primary"):                                                       "end",
		partedOutput("1", "0B", "1e3B", "primary"):                                                     "end",
		partedOutput("1", "0B", "", "primary"):                                                         "end",
		partedOutput("1", "0B", "5B", "metadata"):                                                      "type",
		partedOutput("0", "0B", "5B", "primary"):                                                       "number",
		partedOutput("-1", "0B", "5B", "primary"):                                                      "number",
		partedOutput("65537", "0B", "5B", "primary"):                                                   "number",
		partedOutput("9223372036854775807", "0B", "5B", "primary"):                                     "number",
		partedOutput("1", "0B", "5B", `primary"},{"number":1,"start":"9B","end":"9B","type":"primary`): "number, which two partitions have",
		`{"disk":{"label":"gpt","max-partitions":-1}}`:                                                 "max-partitions",
		`{"disk":{"label":"gpt","max-partitions":9223372036854775807}}`:                                "max-partitions",
		`{"disk":{"label":"\u001b[m"}}`:                                                                "label",
		`{"disk":{"label":"gpt","partitions":[` + free + `,` + free + `]}}`:                            "sum of free room",
		`{"disk":{"label":"gpt","partitions":[` + part("1") + `,` + part("2") + `]}}`:                  "sum of partitions",
	} {
		b, wrong := New(cannedHost{&host.Local{}, text}, nil, time.Minute), (*backend.AnswerError)(nil)
		_, err := b.read(t.Context(), &device{path: "/dev/sda"})
		if !errors.As(err, &wrong) || wrong.Tool != "parted" || wrong.Field != field {
			t.Errorf("%s: error %v, want %q", text, err, field)
		}
	}
	for _, text := range []string{
		partedOutput("1", "0B", "5B", "primary")[:60], partedOutput("1.5", "0B", "5B", "primary"), "{}{}",
		partedOutput("18446744073709551616", "0B", "5B", "primary"),
	} {
		_, err := New(
			cannedHost{&host.Local{}, text}, nil, time.Minute,
		).read(t.Context(), &device{path: "/dev/sda"})
		if err == nil || !strings.Contains(err.Error(), "output of parted") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// TestLiesOfGeometry checks that impossible geometries give the default alignment.
func TestLiesOfGeometry(t *testing.T) {
	for geometry, want := range map[string]uint64{
		"1,255,63 8225kB": 255 * 63 * 512, "1,65535,65535": 65535 * 65535 * 512,
		"": mib, "1,2": mib, "1,0,63": mib, "1,255,0": mib, "1,-1,63": mib, "1,4294967296,8388608": mib,
		"1,18446744073709551615,1": mib, "1,65536,1": mib,
	} {
		if got := cylinder(geometry); got != want {
			t.Errorf("%q: %d, want %d", geometry, got, want)
		}
	}
}

// TestLiar runs a program that lies in place of parted.
func TestLiar(t *testing.T) {
	b := New(&host.Local{}, nil, time.Minute)
	const many = 50000
	backendtest.FakeProgram(t, "parted", `printf '{"disk":{"label":"gpt","max-partitions":128,"partitions":['
seq -s, -f '{"start":"0B","end":"%.0fB","type":"free"}' 1 `+strconv.Itoa(many)+`
printf ']}}'`)
	table, err := b.read(t.Context(), &device{path: "/dev/sda"})
	if err != nil || len(table.free) != many {
		t.Errorf("error %v", err)
	}
	for script, want := range map[string]string{
		`printf '{"disk":{"label":"gpt","partitions":[{"number":1'`:                    "output of parted",
		`head -c 100000 /dev/zero`:                                                     "output of parted",
		`echo '` + partedOutput("1", "0B", "9223372036854775807B", "primary") + `'`:    "impossible end",
		`echo '` + partedOutput("1", "0B", "5B", "../x") + `'`:                         "impossible type",
		`echo '` + partedOutput("70000", "0B", "5B", "primary") + `'`:                  "impossible number",
		`echo '` + partedOutput("1", "0B", "5B", "primary") + `'; echo no >&2; exit 1`: "status 1: no",
		`echo '` + partedOutput("1", "0B", "5B", "primary") + `'; kill -9 $$`:          "killed by a signal",
		`echo '{"disk":{"label":"gpt"}}{"disk":{"label":"gpt"}}'`:                      "output of parted",
	} {
		backendtest.FakeProgram(t, "parted", script)
		_, err := b.read(t.Context(), &device{path: "/dev/sda"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: error %v, want %s", script, err, want)
		}
	}
}
