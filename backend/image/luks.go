package image

import (
	"encoding/json"
	"io"
	"strconv"
)

// describeLUKS1 subtracts the header from the capacity. The payload's offset, in sectors, is at 104.
func describeLUKS1(s *source, i *Info) {
	i.Encryption = "luks"
	i.subtractHeader(s.be(104, 4) * sector)
}

// LUKS2 On-Disk Format 1.1, section 2: a binary header of 4096 bytes, followed by JSON text up to the
// header's size (at 8).
const (
	luks2Text = 4096
	// luks2MaxHeader is the limit for reading the header. 4 MiB are allowed, mostly padding; cryptsetup
	// writes 16 KiB.
	luks2MaxHeader = 64 << 10
)

// describeLUKS2 subtracts the data before the first segment from the capacity. (libvirt 9.0 does not know
// LUKS2.)
func describeLUKS2(s *source, i *Info) {
	i.Encryption = "luks2"
	length := min(s.be(8, 8), luks2MaxHeader)
	if length <= luks2Text {
		return
	}
	var text struct {
		Segments map[string]struct {
			Offset string // a number as a string, because JSON numbers have 53 bits
		}
	}
	if json.NewDecoder(io.NewSectionReader(s, luks2Text, int64(length-luks2Text))).Decode(&text) != nil {
		return
	}
	if offset, err := strconv.ParseUint(text.Segments["0"].Offset, 10, 64); err == nil {
		i.subtractHeader(offset)
	}
}

// subtractHeader subtracts the header from the capacity. It ignores a header that is longer than the image.
func (i *Info) subtractHeader(header uint64) {
	if header <= i.Capacity {
		i.Capacity -= header
	}
}
