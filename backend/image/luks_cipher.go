package image

import (
	"io"
	"strings"
)

// A Cipher is how LUKS encrypts an image's data, in the words of qemu's options. Names are untrusted.
type Cipher struct {
	Name             string // of the algorithm, such as aes; empty: unknown
	Bits             int    // of the algorithm's key; the mode xts has two of them
	Mode, Hash       string
	IVGen, IVGenHash string // generator of initialisation vectors, and its hash; may be empty
}

// extensionEncryption is the type of the qcow2 header extension with the position of a LUKS header.
const extensionEncryption = 0x0537be77

// ProbeCipher reads the LUKS1 header of a raw or qcow2 image (LUKS1 On-Disk Format 1.2.3, section 2.1). If
// there is none, the cipher has no name. The only possible error is a read error of r.
func ProbeCipher(r io.ReaderAt, size int64) (c Cipher, err error) {
	s := open(r, size)
	defer s.close()
	header := uint64(0)
	if f := recognise(s); f != nil && f.name == "qcow2" {
		eachExtension(s, func(kind, at, length uint64) {
			if kind == extensionEncryption && length >= 16 {
				header = s.be(at, 8)
			}
		})
	}
	if s.record(header, 6).untilNUL() == "LUKS\xba\xbe" && s.be(header+6, 2) == 1 {
		c = readCipher(s, header)
	}
	return c, s.err
}

func readCipher(s *source, header uint64) Cipher {
	const width = 32
	c := Cipher{
		Name: s.name(header+8, width), Hash: s.name(header+72, width), Bits: int(s.be(header+108, 4)) * 8,
	}
	var generator string
	c.Mode, generator, _ = strings.Cut(s.name(header+40, width), "-")
	c.IVGen, c.IVGenHash, _ = strings.Cut(generator, ":")
	if c.Mode == "xts" {
		c.Bits /= 2
	}
	return c
}
