package filevol

import (
	"bytes"
	"os"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// imageFormats are the formats that qemu-img creates.
var imageFormats = []string{"qcow2", "qed", "vmdk", "vdi", "vpc", "qcow"}

// TestSameSize creates images and resizes them to the size that was requested, which changes nothing, also in
// formats that cannot be resized.
func TestSameSize(t *testing.T) {
	p := newPool(t)
	var steps bytes.Buffer
	rehearsal := Files{Host: host.NewDryRun(here.Host, &steps)}
	for _, format := range imageFormats {
		for _, size := range []uint64{1000001, 1 << 20, 1234567890} {
			v := rawVolume("v", size)
			v.Target.Format = format
			create(t, p, v, "")
			has := find(t, p, "v").Capacity.Bytes
			for _, same := range []uint64{size, has} {
				for _, o := range []backend.ResizeOptions{{}, {Shrink: true, Allocate: true}} {
					if err := rehearsal.Resize(t.Context(), p, "v", same, o); err != nil || steps.Len() > 0 {
						t.Errorf("%s of %d bytes, resized to %d: error %v, steps %s", format, has, same, err, &steps)
					}
				}
			}
			ok(t, here.Delete(t.Context(), p, "v"))
		}
	}
}

// TestUnsupportedSize requests sizes that images of some formats cannot get. Nothing may change, also if
// shrinking is not permitted.
func TestUnsupportedSize(t *testing.T) {
	p := newPool(t)
	for _, format := range imageFormats {
		put(t, p, format, format, backendtest.Pattern(1<<20, 1))
	}
	put(t, p, "vhdx", "vhdx", backendtest.Pattern(1<<20, 1))
	before := backendtest.Tree(t, p.Target.Path)
	for _, format := range append(imageFormats, "vhdx") {
		if format == "qcow2" {
			continue
		}
		for _, permitted := range []bool{false, true} {
			err := here.Resize(t.Context(), p, format, 1<<19, backend.ResizeOptions{Shrink: permitted})
			if fault.Of(err) != fault.Unsupported || fault.Hint(err, fault.Unsupported) == "" {
				t.Errorf("shrink %s: error %v", format, err)
			}
		}
		err := here.Resize(t.Context(), p, format, 2<<20, backend.ResizeOptions{Allocate: true})
		if fault.Of(err) != fault.Unsupported || fault.Hint(err, fault.Unsupported) == "" {
			t.Errorf("grow %s: error %v", format, err)
		}
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// TestLargerClone copies volumes into larger ones, also of formats that cannot be resized.
func TestLargerClone(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	for _, source := range []string{"raw", "qcow2"} {
		from := put(t, p, source, source, data)
		for _, format := range imageFormats {
			v := like(from, "v", format)
			v.Capacity.Bytes = 2<<20 + 1
			ok(t, here.Clone(t.Context(), p, v, from, backend.CloneOptions{}))
			made := find(t, p, "v")
			disk := qemuRead(t, made)
			if made.Capacity.Bytes < v.Capacity.Bytes || uint64(len(disk)) < v.Capacity.Bytes ||
				!bytes.HasPrefix(disk, data) || len(bytes.Trim(disk[len(data):], "\x00")) > 0 {
				t.Errorf("%s to %s: got %+v with %d bytes", source, format, *made, len(disk))
			}
			if used := made.Allocation.Bytes; used > 1<<20+1<<19 {
				t.Errorf("%s to %s: %d bytes are allocated", source, format, used)
			}
			ok(t, here.Delete(t.Context(), p, "v"))
		}
	}
}

// qemuRead returns a volume's content as a guest sees it.
func qemuRead(t testing.TB, v *pooldef.Volume) []byte {
	t.Helper()
	image, err := os.ReadFile(v.Target.Path)
	ok(t, err)
	return backendtest.Convert(t, v.Target.Format, "raw", image)
}
