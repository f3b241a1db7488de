package image

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A hole is an image of size bytes that is mostly zeros, so that large images cost the fuzzer little.
type hole struct {
	size  int64
	parts []part
}

func (h hole) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	for _, part := range h.parts {
		if skip := int64(part.at) - off; skip >= 0 && skip < int64(len(p)) {
			copy(p[skip:], part.text)
		} else if skip < 0 && -skip < int64(len(part.text)) {
			copy(p, part.text[-skip:])
		}
	}
	if n := h.size - off; n < int64(len(p)) {
		return int(max(n, 0)), io.EOF
	}
	return len(p), nil
}

// runs returns the parts of an image that are separated by 64 zeros.
func runs(image []byte) (parts []part) {
	const gap = 64
	for i := 0; i < len(image); i++ {
		if image[i] == 0 {
			continue
		}
		end := i + 1
		for j := end; j < len(image) && j < end+gap; j++ {
			if image[j] != 0 {
				end = j + 1
			}
		}
		parts = append(parts, part{i, string(image[i:end])})
		i = end
	}
	return parts
}

// FuzzProbe searches for images that crash or hang Probe, or whose impossible values are accepted. Each has
// three parts, more than any header that leads to another place has.
func FuzzProbe(f *testing.F) {
	for _, samples := range samples {
		for _, sample := range samples {
			parts := append(runs(sample.image), make([]part, 3)...)
			f.Add(uint32(len(sample.image)), []byte(parts[0].text), uint16(parts[0].at),
				uint32(parts[1].at), []byte(parts[1].text), uint32(parts[2].at), []byte(parts[2].text))
		}
	}
	f.Fuzz(func(
		t *testing.T, size uint32, head []byte, at uint16, at1 uint32, part1 []byte, at2 uint32, part2 []byte,
	) {
		image := hole{
			int64(size), []part{{int(at), string(head)}, {int(at1), string(part1)}, {int(at2), string(part2)}},
		}
		r := &counter{ReaderAt: image}
		info, err := Probe(r, image.size)
		if err != nil {
			t.Fatal(err)
		}
		if problem := impossible(info); problem != "" {
			t.Errorf("%s: %+v", problem, info)
		}
		if r.reads > 3+maxDescriptor/blockSize {
			t.Errorf("%d reads", r.reads)
		}
	})
}

// A changing image differs between reads, as if other processes wrote to it.
type changing struct {
	images []hole
	turns  uint64 // bit n selects the second image for read n
	reads  int
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	image := c.images[c.turns>>(c.reads%64)&1]
	c.reads++
	return image.ReadAt(p, off)
}

// FuzzChanging searches for images that crash Probe, have bytes read twice, or have impossible values
// accepted, if they are shorter than their size or change between two reads.
func FuzzChanging(f *testing.F) {
	for _, samples := range samples {
		for _, sample := range samples {
			parts, size := append(runs(sample.image), part{}, part{}), uint32(len(sample.image))
			for _, cut := range []uint32{0, 1, vhdFooter / 2, vhdFooter, size} {
				for _, over := range []string{"", "\xff\xff\xff\xff"} {
					f.Add(size, []byte(parts[0].text), uint32(parts[0].at), []byte(parts[1].text), uint32(parts[1].at),
						cut, []byte(over), uint32(60), uint64(0xfffe))
				}
			}
		}
	}
	f.Fuzz(func(
		t *testing.T, size uint32, head []byte, at uint32, tail []byte, at2, cut uint32, over []byte, at3 uint32,
		turns uint64,
	) {
		parts := []part{{int(at), string(head)}, {int(at2), string(tail)}}
		after := hole{max(int64(size)-int64(cut), 0), append(slices.Clone(parts), part{int(at3), string(over)})}
		r := &tracker{ReaderAt: &changing{images: []hole{{int64(size), parts}, after}, turns: turns}}
		info, err := Probe(r, int64(size))
		if problem := impossible(info); err != nil || problem != "" {
			t.Errorf("%s: %+v, %v", problem, info, err)
		}
		if again := r.again(); again != "" {
			t.Errorf("%s: %+v", again, info)
		}
		r = &tracker{ReaderAt: &changing{images: []hole{{int64(size), parts}, after}, turns: turns}}
		c, err := ProbeCipher(r, int64(size))
		if again := r.again(); err != nil || again != "" || c.Bits < 0 || strings.ContainsRune(c.Name, 0) {
			t.Errorf("%s: %+v, %v", again, c, err)
		}
	})
}

// FuzzParseReference searches for strings that crash ParseReference or give an invalid path.
func FuzzParseReference(f *testing.F) {
	for _, r := range references {
		f.Add(r.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := ParseReference(text, "/pool/images")
		if !r.Local && r.Path != text {
			t.Errorf("%q became %q", text, r.Path)
		}
		if r.Local && (!filepath.IsAbs(r.Path) || r.NotUnderstood != "" || strings.Contains(r.Path, "\x00")) {
			t.Errorf("%q: %q is not a path", text, r.Path)
		}
	})
}
