package image

import (
	"encoding/json"
	"io"
	"strconv"
)

// describeLUKS1 takes off the header: the payload's offset stands at 104, in sectors.
func describeLUKS1(s *source, i *Info) {
	i.Encryption = "luks"
	i.takeOff(s.be(104, 4) * sector)
}

// LUKS2 On-Disk Format 1.1, section 2: a binary header of 4096 bytes, and text in JSON up to the header's size, which stands at 8.
const (
	luks2Text = 4096
	// luks2MaxHeader bounds the header that is read. 4 MiB are allowed, mostly room; cryptsetup makes headers of 16 KiB.
	luks2MaxHeader = 64 << 10
)

// describeLUKS2 takes off what precedes the first segment. (Libvirt 9.0 does not know LUKS2.)
func describeLUKS2(s *source, i *Info) {
	i.Encryption = "luks2"
	length := min(s.be(8, 8), luks2MaxHeader)
	if length <= luks2Text {
		return
	}
	var text struct {
		Segments map[string]struct {
			Offset string // a number, as a string: JSON's own have 53 bits
		}
	}
	if json.NewDecoder(io.NewSectionReader(s, luks2Text, int64(length-luks2Text))).Decode(&text) != nil {
		return
	}
	if offset, err := strconv.ParseUint(text.Segments["0"].Offset, 10, 64); err == nil {
		i.takeOff(offset)
	}
}

// takeOff leaves the guest what follows the header. A header that is longer than the image does not tell the truth.
func (i *Info) takeOff(header uint64) {
	if header <= i.Capacity {
		i.Capacity -= header
	}
}
