package scsivol

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"poolctl/backend/host"
)

// An identity is a unit's identification, as scsi_id(8) formats it.
type identity struct {
	serial string // scsi_id --replace-whitespace; empty: unknown
	// ID_TARGET_PORT, the number of the port group through which the unit is connected; empty: none
	port string
}

// identify reads the unit's vital product data (SPC, VPD pages 83h and 80h), which the kernel caches.
func identify(sys fs.FS, dir string) identity {
	var id identity
	page, _ := fs.ReadFile(sys, dir+"/vpd_pg83")
	if page = content(page, 0x83); page != nil {
		id = fromPage83(page, func() string { return maker(sys, dir) })
	}
	if id.serial == "" {
		page, _ = fs.ReadFile(sys, dir+"/vpd_pg80")
		if page = content(page, 0x80); page != nil {
			id.serial = "S" + maker(sys, dir) + text(page)
		}
	}
	id.serial = printable(id.serial)
	return id
}

// content returns a page without its header, or nil if it is another page. scsi_id requests 254 bytes.
func content(page []byte, number byte) []byte {
	if len(page) < 4 || page[1] != number {
		return nil
	}
	end := min(4+int(binary.BigEndian.Uint16(page[2:])), len(page), 254)
	return page[4:end]
}

// maker returns the vendor and the model, padded to their full lengths.
func maker(sys fs.FS, dir string) string {
	return fmt.Sprintf("%-8s%-16s", host.ReadSys(sys, dir, "vendor"), host.ReadSys(sys, dir, "model"))
}

// Types and codings of identifiers (SPC, designation descriptor).
const (
	vendorSpecific = 0
	vendorBased    = 1
	eui64          = 2
	naa            = 3
	targetGroup    = 5

	binaryCode = 1
	asciiCode  = 2
)

// preferred lists identifiers in the order of scsi_id(8), which takes the first available one. naa is the
// type in the first four bits of an NAA identifier; -1 matches any type.
var preferred = []struct{ kind, naa, code int }{
	{naa, 6, binaryCode}, {naa, 6, asciiCode}, {naa, 5, binaryCode}, {naa, 5, asciiCode}, {naa, -1, binaryCode},
	{naa, -1, asciiCode},
	{eui64, -1, binaryCode}, {eui64, -1, asciiCode}, {vendorBased, -1, binaryCode}, {vendorBased, -1, asciiCode},
	{vendorSpecific, -1, binaryCode}, {vendorSpecific, -1, asciiCode},
}

func fromPage83(page []byte, maker func() string) identity {
	if len(page) > 2 && page[2] != 0 { // from before descriptors were introduced
		return identity{serial: "3" + hex.EncodeToString(page)}
	}
	var id identity
	for d := page; len(d) >= 4 && len(d) >= 4+int(d[3]); d = d[4+int(d[3]):] {
		if d[1]&0xf == targetGroup && d[0]&0xf == binaryCode && d[1]&0x20 == 0 && d[3] >= 4 {
			id.port = fmt.Sprintf("%x", binary.BigEndian.Uint16(d[6:]))
		}
	}
	for _, want := range preferred {
		for d := page; len(d) >= 4 && len(d) >= 4+int(d[3]); d = d[4+int(d[3]):] {
			value := d[4 : 4+int(d[3])]
			isUnits := d[1]&0x30 == 0
			if !isUnits || int(d[1]&0xf) != want.kind || int(d[0]&0xf) != want.code ||
				want.naa >= 0 && (len(value) == 0 || int(value[0]>>4) != want.naa) {
				continue
			}
			id.serial = fmt.Sprintf("%x", want.kind)
			if want.kind == vendorSpecific {
				id.serial += maker()
			}
			if want.code == asciiCode {
				id.serial += text(value)
			} else {
				id.serial += hex.EncodeToString(value)
			}
			return id
		}
	}
	return id
}

// text returns the text up to the first NUL, as a C program reads it.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// printable replaces white space, and characters that udev does not allow in names, with _:
// util_replace_whitespace and util_replace_chars.
func printable(s string) string {
	s = strings.Join(
		strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }), "_",
	)
	return strings.Map(func(r rune) rune {
		plain := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' ||
			strings.ContainsRune("#+-.:=@_", r)
		if plain || r >= utf8.RuneSelf && r != utf8.RuneError {
			return r
		}
		return '_'
	}, s)
}
