package logical

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// saying answers all questions with a text.
type saying struct {
	host.Host
	text string
}

func (s saying) Query(context.Context, host.Command) ([]byte, error) { return []byte(s.text), nil }

// FuzzReport reads what lvs, vgs and pvs could say. Nothing is larger than the answer is.
func FuzzReport(f *testing.F) {
	recorded, err := os.ReadFile("testdata/lvs.json")
	ok(f, err)
	f.Add(string(recorded))
	for _, text := range []string{
		`{"report":[{"vg":[{"vg_size":"197132288","vg_free":"0","vg_missing_pv_count":"1","pv_name":"/dev/loop0"}]}]}`,
		`{"report":[{"pv":[{"pv_name":"/dev/loop0","vg_name":"vg-0"},{"pv_name":"[unknown]","vg_name":""}]}]}`,
		`{"report":[{"lv":[{"lv_name":"a","lv_size":"18446744073709551615","data_percent":"1e999","seg_le_ranges":"[a]:0-1,/x:0-18446744073709551615"}]}]}`,
		`{"report":[{"lv":[{"lv_name":"t","segtype":"thin","lv_size":"1","data_percent":"NaN"}]},{"lv":null}]}`,
		`{"report":[{"lv":{}}]}`, `{"report":{}}`, `{"report":[null]}`, `{}`, `[`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, b := &pooldef.Pool{Source: pooldef.Source{Name: "vg-0"}}, New(saying{&host.Local{}, text}, nil)
		all, err := b.logicals(t.Context(), p, allFields)
		if err != nil && all != nil || len(all) > len(text) {
			t.Errorf("%d volumes, error %v", len(all), err)
		}
		for _, v := range all {
			readAll(t, v, all, len(text))
		}
		if g, err := b.group(t.Context(), p); err == nil && len(g.devices) > len(text) {
			t.Errorf("%d devices", len(g.devices))
		}
		if devices, err := b.physicals(t.Context()); len(devices) > len(text) || err != nil && devices != nil {
			t.Errorf("%d devices, error %v", len(devices), err)
		}
	})
}

// readAll reads all that is told of a volume. It can be written down as JSON, and its pieces are in the answer, which has so many bytes.
func readAll(t *testing.T, v *logicalVolume, all []*logicalVolume, length int) {
	t.Helper()
	found := extents(v, all)
	if len(found) > length {
		t.Errorf("%d extents", len(found))
	}
	for _, e := range found {
		if !strings.HasPrefix(e.Device, "/") {
			t.Errorf("%q is no device", e.Device)
		}
	}
	shown := named(&pooldef.Pool{Source: pooldef.Source{Name: "vg-0"}}, v)
	shown.Capacity, shown.Allocation = pooldef.Bytes(v.capacity()), v.allocation()
	if _, err := json.Marshal(shown); err != nil {
		t.Errorf("%+v: error %v", shown, err)
	}
	_ = []bool{v.isVolume(), v.isActivated(), v.isActive(), v.isPartial(), v.isOverflowed(), v.isSnapshot(), v.standsAlone(all)}
}
