package rbd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A liar is a host on which Ceph's programs print a fixed text and change nothing.
type liar struct {
	host.Host
	output string
	done   []host.Step
}

func (l *liar) Query(context.Context, host.Command) ([]byte, error) { return []byte(l.output), nil }

func (l *liar) Change(_ context.Context, s host.Step) error {
	l.done = append(l.done, s)
	return nil
}

// Dial returns a connection to a monitor.
func (l *liar) Dial(context.Context, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Write([]byte("ceph v2\n"))
		theirs.Close()
	}()
	return ours, nil
}

func lying(text string) (*Backend, *liar) {
	l := &liar{Host: &host.Local{}, output: text}
	return New(l, nil, time.Minute), l
}

// lied is a pool whose definition requests the space that images occupy.
var lied = &pooldef.Pool{Type: pooldef.RBD, Name: "p", Refresh: "default",
	Source: pooldef.Source{Name: "rbdpool", Hosts: []pooldef.Host{{Name: "127.0.0.1"}}}}

// Output of Ceph 16.
const (
	infoOutput = `{"name":"v","id":"1078","size":8388608,"objects":2,"order":22,"object_size":4194304,` +
		`"snapshot_count":0,"features":["layering"],"parent":{"pool":"rbdpool","pool_namespace":"space",` +
		`"image":"w","snapshot":"s","trash":false,"overlap":8388608}}`
	saidLong = `[{"image":"copy","id":"10a8","size":8388608,"format":2},` +
		`{"image":"v","id":"1078","snapshot":"s","snapshot_id":4,"size":8388608,"format":2,"protected":"true"},` +
		`{"image":"w","id":"1","size":1,"format":2,` +
		`"parent":{"pool":"rbdpool","pool_namespace":"","image":"v","snapshot":"s"}}]`
	saidUsed = `{"images":[{"name":"v","provisioned_size":8388608,"used_size":4194304},` +
		`{"name":"v","snapshot":"s","used_size":1}],"total_provisioned_size":1,"total_used_size":1}`
	saidRoom = `{"pools":[{"name":"rbdpool","id":"2","size_bytes":4215312,"size_kb":4117}],"total_objects":1,` +
		`"total_used":1,"total_avail":1020804,"total_space":1048576}`
	saidStatus = `{"watchers":[{"address":"127.0.0.1:0/3518013061","client":4137,"cookie":1}]}`
)

// FuzzAnswers parses output of rbd and rados. No result may overflow or have an invalid name.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		infoOutput, saidLong, saidUsed, saidRoom, saidStatus, `["v","w",".poolctl-x"]`,
		`[{"id":4,"name":"s","size":8388608,"protected":"true"}]`,
		`["a","a"]`, `["../x","-v","a@b","a/b","","\u001b"]`, `{"size":18446744073709551615,"parent":{}}`,
		`[{"image":"v","size":1e999}]`, `[null]`, `{}`, `[`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, l := lying(text)
		check := func(v *pooldef.Volume, err error) {
			if err != nil || v == nil {
				return
			}
			_, wrong := json.Marshal(v)
			most := max(v.Capacity.Bytes, v.Allocation.Bytes, v.Target.ClusterSize)
			if wrong != nil || !isPlain(v.Name) || most > math.MaxInt64 {
				t.Errorf("%+v, error %v", v, wrong)
			}
		}
		for v, err := range b.Volumes(t.Context(), lied) {
			check(v, err)
		}
		for v, err := range b.Details(t.Context(), lied) {
			check(v, err)
		}
		check(b.Volume(t.Context(), lied, "v"))
		space, err := b.Space(t.Context(), lied)
		if err == nil && max(space.Capacity, space.Allocation, space.Available) > math.MaxInt64 {
			t.Errorf("%+v", space)
		}
		_, _ = b.snapshots(t.Context(), lied, place{pool: "rbdpool"}, "v")
		_ = b.checkNotInUse(t.Context(), lied, place{pool: "rbdpool"}, "v", false, false)
		_, _ = b.RemoveStale(t.Context(), lied)
		for _, s := range l.done {
			for _, word := range s.(host.Command).Args {
				image, isImage := strings.CutPrefix(word, "--image=")
				if !backend.IsPlain(word) || isImage && !isPlain(image) {
					t.Errorf("ran %s", s.Shell())
				}
			}
		}
	})
}

// FuzzDiff parses output of rbd export-diff. No extent may overflow.
func FuzzDiff(f *testing.F) {
	data := func(offset, length uint64) string { return string(diff{}.Data(offset, length)) }
	whole := diffHeader + "s12345678" + data(4096, 4) + "data" + string(diff{}.Zeros(8192, 4096)) + "e"
	for _, text := range []string{
		whole, whole[:40], data(math.MaxUint64, 1), data(0, math.MaxUint64), data(1<<63, 1<<63), "sse",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := strings.NewReader(string(data))
		for range len(data) + 1 {
			offset, length, hasData, err := diff{}.Next(r)
			if err != nil {
				return
			}
			if offset > math.MaxInt64 || length > math.MaxInt64 || offset+length > math.MaxInt64 {
				t.Fatalf("a piece at %d of %d", offset, length)
			}
			if hasData {
				_, _ = io.CopyN(io.Discard, r, int64(length))
			}
		}
		t.Error("does not end")
	})
}

// TestLies checks that the error names the field that has an impossible value.
func TestLies(t *testing.T) {
	number := func(text, field, value string) string { return replaceOnce(t, text, field, value) }
	for _, test := range []struct {
		says, field string
		ask         func(*Backend) error
	}{
		{number(infoOutput, `"size":8388608`, `"size":9223372036854775808`), "size", look},
		{number(infoOutput, `"object_size":4194304`, `"object_size":18446744073709551615`), "object_size", look},
		{number(infoOutput, `"snapshot_count":0`, `"snapshot_count":-1`), "snapshot_count", look},
		{number(infoOutput, `"image":"w"`, `"image":"../x"`), "parent", look},
		{number(infoOutput, `"image":"w"`, `"image":""`), "parent", look},
		{number(infoOutput, `"snapshot":"s"`, `"snapshot":"a@b"`), "parent", look},
		{number(infoOutput, `"pool":"rbdpool"`, `"pool":"\n"`), "parent", look},
		{number(infoOutput, `"pool_namespace":"space"`, `"pool_namespace":"a/b"`), "parent", look},
		{number(saidLong, `"size":8388608`, `"size":18446744073709551615`), "size", details},
		{number(saidLong, `"image":"v","snapshot":"s"}`, `"image":"-","snapshot":"/"}`), "parent", details},
		{number(saidRoom, `"total_space":1048576`, `"total_space":18014398509481983`), "total_space", room},
		{number(saidRoom, `"total_avail":1020804`, `"total_avail":18446744073709551615`), "total_avail", room},
		{number(saidRoom, `"size_bytes":4215312`, `"size_bytes":9223372036854775808`), "size_bytes", room},
		{number(saidUsed, `"used_size":1}`, `"used_size":9223372036854775807}`), "used_size", used},
		{infoOutput, "parent, the chain of which does not end", chain},
	} {
		b, _ := lying(test.says)
		wrong := (*backend.AnswerError)(nil)
		if err := test.ask(b); !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%s: error %v, want %q", test.says, err, test.field)
		}
	}
	for _, text := range []string{
		`[{"image":"v","size":-1}]`, `[{"image":"v","size":NaN}]`, `[{"image":"v","size":18446744073709551616}]`,
		saidLong[:100], `{}`,
	} {
		b, _ := lying(text)
		if err := details(b); err == nil || !strings.Contains(err.Error(), "output of rbd") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// TestListedTwice lists an image once that was renamed while rbd listed the pool.
func TestListedTwice(t *testing.T) {
	b, _ := lying(`["v",".poolctl-x","w",".poolctl-x","v"]`)
	if all, err := b.names(t.Context(), lied); err != nil || strings.Join(all, " ") != "v .poolctl-x w" {
		t.Errorf("there are %q, error %v", all, err)
	}
	b, _ = lying(`[{"image":"v","size":1},{"image":"v","size":1},{"image":"v","snapshot":"s","size":1}]`)
	if all, err := b.rows(t.Context(), lied); err != nil || len(all) != 2 {
		t.Errorf("there are %v, error %v", all, err)
	}
}

func replaceOnce(t *testing.T, text, old, with string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("there is no %s in %s", old, text)
	}
	return strings.Replace(text, old, with, 1)
}

func look(b *Backend) error {
	_, err := b.info(context.Background(), lied, "v")
	return err
}

func details(b *Backend) error {
	_, err := b.rows(context.Background(), lied)
	return err
}

func room(b *Backend) error {
	_, err := b.Space(context.Background(), lied)
	return err
}

func used(b *Backend) error {
	_, err := b.used(context.Background(), lied, "")
	return err
}

func chain(b *Backend) error {
	_, err := b.Chain(context.Background(), lied, "v")
	return err
}

// TestNotPlain checks that listings omit images with names that rbd(8) cannot take, because their paths would
// be those of other images.
func TestNotPlain(t *testing.T) {
	b, _ := lying(`["a/b","a@b","","\n","` + "\u0085" + `","v","-v"]`)
	var all []string
	for v, err := range b.Volumes(t.Context(), lied) {
		ok(t, err)
		all = append(all, v.Name)
	}
	if got := strings.Join(all, " "); got != "-v v" && got != "v -v" {
		t.Errorf("listed %q", got)
	}
}
