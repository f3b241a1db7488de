package image

import (
	"math"
	"strings"
)

// luks2Header is a header written by cryptsetup 2.6 luksFormat --type luks2, without its secrets.
const luks2Header = `{"keyslots":{"0":{"type":"luks2","key_size":64,"af":{"type":"luks1","stripes":4000,"hash":"sha256"},` +
	`"area":{"type":"raw","offset":"32768","size":"258048","encryption":"aes-xts-plain64","key_size":64},` +
	`"kdf":{"type":"pbkdf2","hash":"sha256","iterations":1000,"salt":""}}},"tokens":{},` +
	`"segments":{"0":{"type":"crypt","offset":"16777216","size":"dynamic","iv_tweak":"0","encryption":"aes-xts-plain64","sector_size":4096}},` +
	`"digests":{"0":{"type":"pbkdf2","keyslots":["0"],"segments":["0"],"hash":"sha256","iterations":1000,"salt":"","digest":""}},` +
	`"config":{"json_size":"12288","keyslots_size":"16744448"}}`

func luks1Image(payload uint32) []byte {
	return build(5*mib, part{0, "LUKS\xba\xbe" + be16(1)}, part{104, be32(payload)})
}

func luks2Image(size int, header uint64, text string) []byte {
	return build(size, part{0, "LUKS\xba\xbe" + be16(2) + be64(header)}, part{4096, text})
}

var luksSamples = []sample{
	{"luks1", luks1Image(4096), Info{Format: "raw", Capacity: 3 * mib, Encryption: "luks"}},
	{"luks1 with nothing behind its header", luks1Image(10240), Info{Format: "raw", Encryption: "luks"}},
	{"luks1 payload beyond the end", luks1Image(10241),
		Info{Format: "raw", Capacity: 5 * mib, Encryption: "luks"}},
	{"luks1 payload of 2^32-1", luks1Image(math.MaxUint32),
		Info{Format: "raw", Capacity: 5 * mib, Encryption: "luks"}},
	{"luks1 cut", luks1Image(4096)[:100], Info{Format: "raw", Capacity: 100, Encryption: "luks"}},
	{"luks3", with(luks1Image(4096), part{6, be16(3)}), Info{Format: "raw", Capacity: 5 * mib}},

	{"luks2", luks2Image(20*mib, 16*kib, luks2Header),
		Info{Format: "raw", Capacity: 4 * mib, Encryption: "luks2"}},
	{"luks2 with a large header", luks2Image(20*mib, 4*mib, luks2Header),
		Info{Format: "raw", Capacity: 4 * mib, Encryption: "luks2"}},
	{"luks2 segment beyond the end", luks2Image(mib, 16*kib, luks2Header),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 segment of 2^64", luks2Image(mib, 16*kib, `{"segments":{"0":{"offset":"18446744073709551616"}}}`),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 segment of a number", luks2Image(mib, 16*kib, `{"segments":{"0":{"offset":4096}}}`),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 without a segment", luks2Image(mib, 16*kib, `{"segments":{}}`),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 of no json", luks2Image(mib, 16*kib, "segments"),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 of nested json", luks2Image(mib, 1<<40, strings.Repeat("[", 70000)),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 of json without end", luks2Image(mib, math.MaxUint64, `{"a":"`+strings.Repeat("x", 900*kib)), Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 header shorter than itself", luks2Image(mib, 4096, luks2Header),
		Info{Format: "raw", Capacity: mib, Encryption: "luks2"}},
	{"luks2 cut", luks2Image(mib, 16*kib, luks2Header)[:8],
		Info{Format: "raw", Capacity: 8, Encryption: "luks2"}},
}
