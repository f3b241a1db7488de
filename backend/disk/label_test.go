package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"

	"poolctl/pooldef"
)

// checkLabel fails the test unless readLabel returns the partitions that parted returns. It reports whether
// readLabel returns any table.
func checkLabel(t *testing.T, b *Backend, p *pooldef.Pool) bool {
	t.Helper()
	d, err := b.device(p)
	ok(t, err)
	quick := b.readLabel(d)
	if quick == nil {
		return false
	}
	slow, err := b.read(t.Context(), d)
	ok(t, err)
	if got, want := quick.text(), slow.text(); got != want {
		t.Errorf("poolctl reads\n%s\nparted reads\n%s", got, want)
	}
	return true
}

func (t *table) text() string {
	text := t.label + "\n"
	slices.SortFunc(t.partitions, func(x, y partition) int { return x.number - y.number })
	for _, x := range t.partitions {
		text += fmt.Sprintln(x.number, x.start, x.end, x.kind, x.format())
	}
	return text
}

// TestLabel reads labels without parted.
func TestLabel(t *testing.T) {
	const swap, lvm, raid = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "E6D6D379-F507-44C2-A23C-238F2A3DF928",
		"A19D880F-05FC-4D3B-A006-743F0F84911E"
	for name, script := range map[string]string{
		"gpt": "label: gpt\n1: size=1M\n3: size=2M, type=" + swap + "\n2: size=1M, type=" + lvm + "\n9: type=" +
			raid,
		"gpt/few": "label: gpt\ntable-length: 4\n4: size=1M",
		"dos":     "label: dos\n2: size=1M, type=82\n1: size=1M, type=8e, bootable\n4: size=1M, type=fd",
		"dos/extended": "label: dos\n3: size=1M\n1: start=8M, size=20M, type=5\n5: size=1M, type=82\n6: size=3M\n" +
			"7: size=2M, type=8e",
		"dos/empty extended": "label: dos\n1: type=f",
	} {
		for _, block := range []int{512, 4096} {
			t.Run(fmt.Sprint(name, "/", block), func(t *testing.T) {
				p := newPool(t, strings.SplitN(name, "/", 2)[0])
				disk := p.Source.Devices[0].Path
				run(t, "losetup", "--sector-size", fmt.Sprint(block), disk)
				file := t.TempDir() + "/table"
				ok(t, os.WriteFile(file, []byte(script+"\n"), 0o600))
				run(t, "sh", "-c", `sfdisk --quiet --no-reread --no-tell-kernel "$1" <"$2" && partprobe "$1"`, "-",
					disk, file)
				if !checkLabel(t, newBackend(), p) {
					t.Error("parted must read the table")
				}
			})
		}
	}
}

// TestLabelFaults damages labels. parted must then decide.
func TestLabelFaults(t *testing.T) {
	for format, places := range map[string][]int64{
		// The protective entry and the signature, the header, an entry, and the same of the copy.
		"gpt": {450, 510, 512, 512 + 16, 512 + 24, 512 + 40, 512 + 88, 1024, 1024 + 40, -512, -512 + 72, -33 * 512},
		// The entry's status, start and size, a second entry, and the signature.
		"dos": {446, 454, 458, 466, 511},
	} {
		t.Run(format, func(t *testing.T) {
			p, b, name := built(t, format)
			ok(t, create(t, b, p, name+"1", "none", mib))
			d, err := b.device(p)
			ok(t, err)
			f, err := os.OpenFile(d.path, os.O_RDWR, 0)
			ok(t, err)
			defer f.Close()
			for _, at := range places {
				if at < 0 {
					at += int64(d.readNumber("size") * sector)
				}
				was := make([]byte, 1)
				_, err := f.ReadAt(was, at)
				ok(t, err)
				_, err = f.WriteAt([]byte{was[0] ^ 1}, at)
				ok(t, err)
				if got, _, _ := b.readKernels(d); got != nil {
					t.Errorf("byte %d is not %#x: %s", at, was[0], got.text())
				}
				_, err = f.WriteAt(was, at)
				ok(t, err)
			}
			if b.readLabel(d) == nil {
				t.Error("the mended label is not read")
			}
		})
	}
}

// FuzzDOS reads DOS labels of any content. Partitions must not be empty.
func FuzzDOS(f *testing.F) {
	entry := func(kind, start, count byte) string {
		return "\x00\x00\x00\x00" + string([]byte{kind}) + "\x00\x00\x00" + string([]byte{start}) + "\x00\x00\x00" +
			string([]byte{count}) +
			"\x00\x00\x00"
	}
	f.Add(entry(5, 1, 9)+entry(0x82, 20, 1), entry(0x83, 1, 1)+entry(5, 1, 3), entry(0x83, 1, 1))
	f.Fuzz(func(t *testing.T, first, second, third string) {
		disk := make([]byte, 32*sector)
		for i, entries := range []string{first, second, third} {
			block := disk[i*sector : (i+1)*sector]
			copy(block[446:510], entries)
			copy(block[510:], "\x55\xaa")
		}
		l := label{bytes.NewReader(disk), sector, uint64(len(disk))}
		for _, x := range l.dos(disk[:sector]) {
			if x.number < 1 || x.start >= x.end {
				t.Errorf("%+v", x)
			}
		}
	})
}

// FuzzGPT reads GPT labels of any content whose checksums are right. Partitions must be within the disk.
func FuzzGPT(f *testing.F) {
	f.Add(uint64(2), uint64(10), uint64(20), uint32(1), []byte("type type type t"+"id id id id id id"+
		"\x0a\x00\x00\x00\x00\x00\x00\x00"+"\x0b\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, at, first, last uint64, count uint32, entries []byte) {
		const blocks = 32
		disk := make([]byte, blocks*sector)
		copy(disk[2*sector:], entries)
		h := gptHeader{Size: gptHeaderSize, At: 1, Other: blocks - 1, FirstUsed: first, LastUsed: last, Entries: at,
			Count: count, EntrySize: gptEntrySize}
		copy(h.Signature[:], "EFI PART")
		if end := at*sector + uint64(count)*gptEntrySize; at < blocks && count < 1<<12 && end < uint64(len(disk)) {
			h.Sum = crc32.ChecksumIEEE(disk[at*sector : end])
		}
		for range 2 {
			h.Checksum = 0
			block := disk[h.At*sector:]
			_, err := binary.Encode(block, binary.LittleEndian, &h)
			ok(t, err)
			binary.LittleEndian.PutUint32(block[16:], crc32.ChecksumIEEE(block[:gptHeaderSize]))
			h.At, h.Other = h.Other, h.At
		}
		l := label{bytes.NewReader(disk), sector, uint64(len(disk))}
		for _, x := range l.gpt() {
			if x.number < 1 || x.start >= x.end || x.end > l.size {
				t.Errorf("%+v", x)
			}
		}
	})
}
