package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/pooldef"
)

// overlayAs returns a qcow2 image of one byte with a backing file and the backing file's format.
func overlayAs(backing, format string) string {
	extension := "\xe2\x79\x2a\xca\x00\x00\x00" + string(rune(len(format))) + format +
		strings.Repeat("\x00", -len(format)&7)
	header := []byte(overlay(""))
	header[15], header[18], header[19] = byte(72+len(extension)), byte(len(backing)>>8), byte(len(backing))
	return string(header) + extension + backing
}

// chainOf returns short descriptions of the images in a volume's chain.
func chainOf(t *testing.T, p *pooldef.Pool, name string) ([]string, error) {
	t.Helper()
	chain, err := here.Chain(t.Context(), p, name)
	var found []string
	for _, image := range chain {
		path := strings.TrimPrefix(image.Target.Path, parent(p))
		text := fmt.Sprintf("%s %s %s %d", path, image.Type, image.Target.Format, image.Capacity.Bytes)
		if !image.Capacity.Known {
			text = fmt.Sprintf("%s %s %s unknown", path, image.Type, image.Target.Format)
		}
		found = append(found, text)
	}
	return found, err
}

// TestChain follows chains to their end, but not beyond what is safe.
func TestChain(t *testing.T) {
	top := t.TempDir()
	p, other := poolIn(top+"/pool"), poolIn(top+"/other")
	ok(t, errors.Join(os.Mkdir(p.Target.Path, 0o755), os.Mkdir(other.Target.Path, 0o755),
		unix.Mkfifo(top+"/fifo", 0o600)))
	secret := write(t, poolIn(top), "secret", "a secret")
	write(t, other, "raw", strings.Repeat("x", 1000))
	write(t, other, "evil", overlayAs(secret, "raw"))
	write(t, other, "relative", overlayAs("raw", "raw"))
	ok(t, os.Symlink(top+"/other/relative", p.Target.Path+"/link"))
	ok(t, errors.Join(os.Mkdir(other.Target.Path+"/sub", 0o755),
		os.Symlink(top+"/other/sub", p.Target.Path+"/to-sub")))
	write(t, p, "raw", "12345")
	write(t, p, "loop1", overlayAs("../pool/loop2", "qcow2"))
	write(t, p, "loop2", overlayAs("./loop1", "qcow2"))
	for _, test := range []struct{ name, backing, format, want, err string }{
		{"none", "", "", "", ""},
		{"one", "../other/raw", "raw", "pool/../other/raw file raw 1000", ""},
		{"two", "../other/relative", "qcow2",
			"pool/../other/relative file qcow2 1, pool/../other/raw file raw 1000", ""},
		{"relative to the link", "link", "qcow2", "pool/link file qcow2 1, pool/raw file raw 5", ""},
		{"through a link", "to-sub/../relative", "qcow2",
			"pool/to-sub/../relative file qcow2 1, pool/to-sub/../raw file raw 1000", ""},
		{"json", `json:{"driver":"file","filename":"` + top + `/other/relative"}`, "qcow2", "other/relative file qcow2 1, other/raw file raw 1000", ""},
		{"looks raw", "../other/raw", "", "pool/../other/raw file raw 1000", ""},
		{"looks like more", "one", "", "pool/one file qcow2 1",
			`backing file of "POOL/looks like more": the format of "POOL/one" is not recorded, only guessed`},
		{"looks like the end", "none", "", "pool/none file qcow2 1", ""},
		{"raw in spite of its looks", "../other/evil", "raw",
			fmt.Sprintf("pool/../other/evil file raw %d", 72+16+len(secret)), ""},
		{"an image in spite of its looks", "../other/raw", "qcow2", "pool/../other/raw file qcow2 unknown",
			`raw" is not a qcow2 image: it looks like raw`},
		{"another in spite of its looks", "../other/evil", "vmdk", "pool/../other/evil file vmdk unknown",
			`evil" is not a vmdk image: it looks like qcow2`},
		{"elsewhere", "nbd://host/x", "", "nbd://host/x network raw unknown", ""},
		{"elsewhere as", "nbd://host/x", "qcow2", "nbd://host/x network qcow2 unknown", ""},
		{"below elsewhere", "elsewhere as", "qcow2",
			"pool/elsewhere as file qcow2 1, nbd://host/x network qcow2 unknown", ""},
		{"a directory", "fat:../other", "", "pool/../other dir  unknown", ""},
		{"missing", "../other/gone", "qcow2", "pool/../other/gone file qcow2 unknown",
			`the backing file of "POOL/missing": open`},
		{"below missing", "missing", "qcow2", "pool/missing file qcow2 1, pool/../other/gone file qcow2 unknown",
			`the backing file of "POOL/missing": open`},
		{"fifo", "../fifo", "raw", "pool/../fifo file raw unknown", `fifo" is not a file or a block device`},
		{"device", "/dev/null", "raw", "/dev/null file raw unknown", `"/dev/null" is not a file or a block device`},
		{"self", "../pool/self", "qcow2", "pool/../pool/self file qcow2 unknown",
			`a loop: "POOL/../pool/self" occurs twice`},
		{"above a loop", "loop1", "qcow2",
			"pool/loop1 file qcow2 1, pool/../pool/loop2 file qcow2 1, pool/../pool/loop1 file qcow2 unknown",
			`the backing file of "POOL/../pool/loop2": the backing chain is a loop: "POOL/../pool/loop1" occurs twice`},
	} {
		write(t, p, test.name, overlayAs(test.backing, test.format))
		opened, read := watch(t, top+"/fifo"), watch(t, secret)
		got, err := chainOf(t, p, test.name)
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		says := strings.ReplaceAll(fmt.Sprint(err), p.Target.Path, "POOL")
		if (err == nil) != (test.err == "") || !strings.Contains(says, test.err) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.err)
		}
		if opened() || read() {
			t.Errorf("%s: a forbidden file was opened", test.name)
		}
	}
}

// TestChainOfNothing requests the chains of names that are no volumes.
func TestChainOfNothing(t *testing.T) {
	p := newPool(t)
	for _, name := range []string{"none", "", "../x"} {
		if chain, err := here.Chain(t.Context(), p, name); chain != nil ||
			!errors.Is(err, backend.ErrNoVolume) {
			t.Errorf("%q: got %v, error %v", name, chain, err)
		}
	}
	write(t, p, "v", overlayAs("v2", "raw"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := here.Chain(ctx, p, "v"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestChainDetails compares the details of an image in a chain with the details of the same file as a volume.
func TestChainDetails(t *testing.T) {
	p := newPool(t)
	write(t, p, "base", strings.Repeat("x", 5000))
	write(t, p, "v", overlayAs("base", "raw"))
	base, err := here.Volume(t.Context(), p, "base")
	ok(t, err)
	chain, err := here.Chain(t.Context(), p, "v")
	ok(t, err)
	v := chain[0]
	if v.Allocation != base.Allocation || v.Capacity != base.Capacity ||
		!v.Target.Times.Birth.Equal(base.Target.Times.Birth) ||
		!v.Target.Times.Modify.Equal(base.Target.Times.Modify) || *v.Target.Permissions.Mode != 0o600 {
		t.Errorf("got %+v, want %+v", *v, *base)
	}
}

// TestChainBounds follows the longest permitted chain, and one that is longer.
func TestChainBounds(t *testing.T) {
	p := newPool(t)
	write(t, p, "0", "raw")
	write(t, p, "1", overlayAs("0", "raw"))
	for n := 2; n <= maxChain+1; n++ {
		write(t, p, fmt.Sprint(n), overlayAs(fmt.Sprint(n-1), "qcow2"))
	}
	chain, err := here.Chain(t.Context(), p, fmt.Sprint(maxChain))
	if len(chain) != maxChain || err != nil {
		t.Errorf("want %d images, got %d, error %v", maxChain, len(chain), err)
	}
	chain, err = here.Chain(t.Context(), p, fmt.Sprint(maxChain+1))
	if len(chain) != maxChain || err == nil {
		t.Errorf("chain too long: got %d images, error %v", len(chain), err)
	}
}

// TestChainPermission follows a chain as a user who may not read all its images.
func TestChainPermission(t *testing.T) {
	if !runAsNobody(t) {
		return
	}
	p := newPool(t)
	write(t, p, "last", "the end")
	base := write(t, p, "base", overlayAs("last", "raw"))
	top := write(t, p, "v", overlayAs("base", "qcow2"))
	ok(t, os.Chmod(base, 0))
	chain, err := here.Chain(t.Context(), p, "v")
	if len(chain) != 1 || chain[0].Target.Path != base || *chain[0].Target.Permissions.Mode != 0 ||
		!errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %d images, error %v", len(chain), err)
	}
	ok(t, os.Chmod(top, 0))
	if chain, err = here.Chain(t.Context(), p, "v"); chain != nil || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("unreadable volume: got %v, error %v", chain, err)
	}
}

// TestChainOfDevice follows a chain that ends at a block device.
func TestChainOfDevice(t *testing.T) {
	var st unix.Stat_t
	ok(t, unix.Stat(backendtest.Disk(t, "mkfs.ext4", "-q"), &st))
	p := newPool(t)
	ok(t, unix.Mknod(p.Target.Path+"/disk", unix.S_IFBLK|0o600, int(st.Dev)))
	write(t, p, "v", overlayAs("disk", "raw"))
	chain, err := here.Chain(t.Context(), p, "v")
	ok(t, err)
	if v := chain[0]; v.Capacity != pooldef.Bytes(128<<20) || v.Allocation != v.Capacity {
		t.Errorf("got %+v", *v)
	}
}
