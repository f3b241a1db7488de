package image

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

const kib, mib = 1 << 10, 1 << 20

// A sample is a handmade image with its expected properties. Each family has a table of samples. Together
// they are the seeds of the fuzz tests, and TestHostile truncates and changes them.
type sample struct {
	name  string
	image []byte
	want  Info
}

// samples are all samples, by family.
var samples = map[string][]sample{
	"legacy": legacySamples,
	"luks":   luksSamples,
	"plain":  plainSamples,
	"qcow2":  qcow2Samples,
	"vhd":    vhdSamples,
	"vhdx":   vhdxSamples,
	"vmdk":   vmdkSamples,
}

func TestProbe(t *testing.T) {
	for family, samples := range samples {
		for _, sample := range samples {
			t.Run(family+"/"+strings.ReplaceAll(sample.name, " ", "-"), func(t *testing.T) {
				got, err := Probe(bytes.NewReader(sample.image), int64(len(sample.image)))
				if err != nil {
					t.Fatal(err)
				}
				if got != sample.want {
					t.Errorf("got  %+v\nwant %+v", got, sample.want)
				}
			})
		}
	}
}

// A part is bytes at a position. A negative position is relative to the end of the image.
type part struct {
	at   int
	text string
}

// build makes an image of size bytes from parts. Later parts overwrite earlier ones.
func build(size int, parts ...part) []byte {
	image := make([]byte, size)
	for _, p := range parts {
		at := p.at
		if at < 0 {
			at += size
		}
		copy(image[at:], p.text)
	}
	return image
}

// with returns a copy of image with parts written over it.
func with(image []byte, parts ...part) []byte {
	return build(len(image), append([]part{{0, string(image)}}, parts...)...)
}

func be16(v uint16) string { return string(binary.BigEndian.AppendUint16(nil, v)) }
func be32(v uint32) string { return string(binary.BigEndian.AppendUint32(nil, v)) }
func be64(v uint64) string { return string(binary.BigEndian.AppendUint64(nil, v)) }
func le16(v uint16) string { return string(binary.LittleEndian.AppendUint16(nil, v)) }
func le32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }
func le64(v uint64) string { return string(binary.LittleEndian.AppendUint64(nil, v)) }
