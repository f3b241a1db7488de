package zfs

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

const (
	tankLine  = "tank\tfilesystem\t1\t-\t-\t0\t1\t365708800\t-\tnone\tdefault\t1796000000\n"
	thickLine = "tank/thick\tvolume\t1\t1048576\t8192\t3145728\t1\t365708800\t-\t-\tdefault\t1796000000\n"
)

// FuzzParse parses output of zfs list.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		tankLine, tankLine + thickLine, tankLine + tankLine,
		tankLine + "tank/copy\tvolume\t1\t18446744073709551615\t0\tnone\t1\t0\ttank/v@s\t-\tnone\t1\n",
		tankLine + "other\tvolume\t1\t18446744073709551616\t8192\t-\t1\t1\t-\t-\tdefault\t1796000000\n",
		tankLine + "tank@s\tsnapshot\t1\t-\t-\t-\t0\t-\t-\t-\t-\t1\n" + thickLine,
		"tank\tvolume\t1\t1\t1\t1\t1\t1\t-\t-\tdefault\t1796000000\n", "tank/v\tvolume\n", "\t\t\t\t\t\t\t\t\t\t\t\n", "\n", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parse("tank", text)
		if err != nil {
			state, wrong := (*backend.StateError)(nil), (*backend.AnswerError)(nil)
			isKnown := errors.As(err, &state) || errors.As(err, &wrong)
			if !strings.Contains(err.Error(), "zfs list") && !isKnown {
				t.Errorf("error %v", err)
			}
			return
		}
		isPool := l.name == "tank" && l.kind == "filesystem" && l.used+l.available <= math.MaxInt64
		if !isPool || len(l.children) > strings.Count(text, "\n") {
			t.Errorf("got %+v", l)
		}
		p := &pooldef.Pool{Name: "pool", Source: pooldef.Source{Name: "tank"}}
		for _, r := range l.children {
			if l.child(r.name) != r {
				t.Errorf("%q gives another row", r.name)
			}
			v := detailed(p, r)
			_, err := json.Marshal(v)
			if most := max(v.Capacity.Bytes, v.Allocation.Bytes); err != nil || !backend.IsPlain(r.name) ||
				most > math.MaxInt64 {
				t.Errorf("%+v: error %v", r, err)
			}
			leads := v.Backing != nil && strings.Contains(v.Backing.Path, "/..")
			if r.isVolume() && (!isPart(r.name) || r.block == 0 || leads) {
				t.Errorf("%+v is not a volume", r)
			}
		}
	})
}

// cannedHost is a host with an imported zpool on which every query prints the same text.
type cannedHost struct {
	host.Host
	text string
	done []string // the executed changes
}

func (s *cannedHost) Query(context.Context, host.Command) ([]byte, error) { return []byte(s.text), nil }

func (s *cannedHost) Change(_ context.Context, step host.Step) error {
	s.done = append(s.done, step.Shell())
	return nil
}

func (s *cannedHost) Mounts() ([]host.Mount, error) { return nil, nil }

// An onlineHost has the zpool tank.
type onlineHost struct{ host.Host }

func (onlineHost) Proc() fs.FS {
	return fstest.MapFS{"spl/kstat/zfs/tank/state": &fstest.MapFile{Data: []byte("ONLINE\n")}}
}

// cannedBackend returns a backend on such a host.
func cannedBackend(t testing.TB, text string) (*Backend, *cannedHost) {
	s := &cannedHost{Host: &onlineHost{&host.Local{}}, text: text}
	return New(s, nil, time.Minute), s
}

var tank = &pooldef.Pool{Type: pooldef.ZFS, Name: "pool", Source: pooldef.Source{Name: "tank"}}

// FuzzSweep parses lists of names. Sweep may destroy only names in the dataset that are temporary names.
func FuzzSweep(f *testing.F) {
	stage := tempNames.Prefix + "1-2-3"
	for _, text := range []string{
		"tank/" + stage + "\toff\ntank/v@" + stage + "\ton\n", "tank/v@" + stage + "\toff\n",
		"other/" + stage + "\toff\n", "tank/../x/" + stage + "\n", "-r/" + stage + "\n", stage,
		"tank@" + stage + "@" + stage + "\n", "\n", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, s := cannedBackend(t, text)
		removed, _ := b.RemoveStale(t.Context(), tank)
		for _, name := range removed {
			if !isIn("tank", name) || !tempNames.Match(name[strings.LastIndexAny(name, "/@")+1:]) {
				t.Errorf("destroyed %q", name)
			}
		}
		if len(s.done) < len(removed) {
			t.Errorf("%d changes, but %d removed", len(s.done), len(removed))
		}
		_, _, _ = b.dependents(t.Context(), tank, "v")
		_ = b.checkNotBusy(t.Context(), "tank")
	})
}

// TestLies checks that every operation's error names the field that has an impossible value.
func TestLies(t *testing.T) {
	column := map[string]int{}
	for i, name := range strings.Split(fields, ",") {
		column[name] = i
	}
	for field, values := range map[string][]string{
		"name": {"", "tank/", "tank/..", "tank/../x", "tank/.", "tank/a/b", "other/v", "tankx/v", "tank//v",
			"tank/a@", "tank/v@s", "tank/\x1b[m", "tank/a\rb", "tank/a\\b", "tank/\xff", "-v", "tank/" + "$(x)"},
		"volsize": {"9223372036854775808", "18446744073709551615", "18446744073709551616", "-1", "NaN", "1e9",
			"1M"},
		"volblocksize":   {"-", "0", "none", "-1", "1000", "9223372036854775808", "18446744073709551615"},
		"refreservation": {"9223372036854775808", "-1", "NaN"},
		"used":           {"9223372036854775808", "-1"},
		"available":      {"9223372036854775807", "18446744073709551615"},
		"origin":         {"x", "../x@s", "tank/../x@s", "tank/v@", "@s", "tank/v@a@b", "tank/v@\x07"},
	} {
		for _, value := range values {
			cells := strings.Split(strings.TrimSpace(thickLine), "\t")
			cells[column[field]] = value
			b, s := cannedBackend(t, tankLine+strings.Join(cells, "\t")+"\n")
			wrong := (*backend.AnswerError)(nil)
			_, err := b.Volume(t.Context(), tank, "thick")
			for what, err := range map[string]error{
				"looking":  err,
				"resizing": b.Resize(t.Context(), tank, "thick", 16<<20, backend.ResizeOptions{}),
				"deleting": b.Delete(t.Context(), tank, "thick"),
			} {
				if !errors.As(err, &wrong) || wrong.Tool != tool || wrong.Field != field {
					t.Errorf("%s, %s %q: error %v", what, field, value, err)
				}
			}
			if s.done != nil {
				t.Errorf("%s %q: %q", field, value, s.done)
			}
		}
	}
	for want, text := range map[string]string{
		"which it has reported before": tankLine + thickLine + thickLine,
		"says nothing of":              "",
		"does not begin with":          thickLine,
		"zfs list says":                tankLine + thickLine[:20],
	} {
		b, _ := cannedBackend(t, text)
		_, err := b.Volume(t.Context(), tank, "thick")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100q: error %v, want %q", text, err, want)
		}
	}
}

// TestLiesOfOthers checks that names outside the queried dataset are not touched.
func TestLiesOfOthers(t *testing.T) {
	stage := tempNames.Prefix + "1-2-3"
	for _, name := range []string{
		"other/" + stage, "tank/../other/" + stage, "tankx/" + stage, "other@" + stage, stage, "-r/" + stage,
		"tank/a\x1b/" + stage,
	} {
		b, s := cannedBackend(t, name+"\toff\n")
		if removed, err := b.RemoveStale(t.Context(), tank); err == nil || removed != nil || s.done != nil {
			t.Errorf("%q: removed %q by %q, error %v", name, removed, s.done, err)
		}
		b, _ = cannedBackend(t, name+"\n")
		if err := b.checkNotBusy(t.Context(), "tank"); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	for _, name := range []string{"tank/" + stage, "tank/sub/" + stage, "tank/v@" + stage} {
		b, s := cannedBackend(t, name+"\toff\n")
		if removed, err := b.RemoveStale(t.Context(), tank); err != nil || len(removed) != 1 || len(s.done) != 1 {
			t.Errorf("%q: removed %q by %q, error %v", name, removed, s.done, err)
		}
	}
}

// TestLiar runs a program that lies in place of zfs.
func TestLiar(t *testing.T) {
	b := New(&onlineHost{&host.Local{}}, nil, time.Minute)
	const many = 50000
	row := strings.TrimSpace(strings.Replace(thickLine, "thick", "v%.0f", 1))
	backendtest.FakeProgram(t, "zfs", `printf '`+tankLine+`'; seq -f '`+row+`' 1 `+strconv.Itoa(many))
	count := 0
	for v, err := range b.Details(t.Context(), tank) {
		ok(t, err)
		if count++; v.Capacity.Bytes != 1<<20 {
			t.Fatalf("%+v", v)
		}
	}
	if count != many {
		t.Errorf("%d volumes, want %d", count, many)
	}
	for script, want := range map[string]string{
		`printf '` + tankLine + `tank/thick\tvolume\t1'`:                              "zfs list says",
		`printf '` + tankLine + strings.Replace(thickLine, "thick", "../x", 1) + `'`:  "impossible name",
		`printf '` + tankLine + strings.Replace(thickLine, "8192", "0", 1) + `'`:      "impossible volblocksize",
		`printf '` + tankLine + strings.Replace(thickLine, "1048576", "NaN", 1) + `'`: "impossible volsize",
		`head -c 100000 /dev/zero`:                       "zfs list says",
		`printf '` + tankLine + `'; echo no >&2; exit 2`: "status 2: no",
		`printf '` + tankLine + `'; kill -9 $$`:          "killed by a signal",
		`:`:                                              "says nothing of",
	} {
		backendtest.FakeProgram(t, "zfs", script)
		_, err := b.Volume(t.Context(), tank, "thick")
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 2000 {
			t.Errorf("%.100s: error %.200v, want %s", script, err, want)
		}
	}
}
