package image

import (
	"bytes"
	"math"
	"strings"
	"testing"
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

// TestProbeCipher reads the ciphers of LUKS headers, at the start of a raw image and inside a qcow2 image.
func TestProbeCipher(t *testing.T) {
	header := func(mode string, bytes uint32) []byte {
		return with(luks1Image(4096), part{8, "aes"}, part{40, mode}, part{72, "sha256"}, part{108, be32(bytes)})
	}
	xts := header("xts-plain64", 64)
	qcow2 := build(mib, part{0, "QFI\xfb" + be32(3)}, part{20, be32(16)}, part{32, be32(2)}, part{100, be32(104)},
		part{104, be32(extensionEncryption) + be32(16) + be64(128*kib) + be64(4096)},
		part{128 * kib, string(xts[:4096])})
	same := Cipher{Name: "aes", Bits: 256, Mode: "xts", Hash: "sha256", IVGen: "plain64"}
	for _, test := range []struct {
		name  string
		image []byte
		want  Cipher
	}{
		{"xts", xts, same},
		{"cbc", header("cbc-essiv:sha1", 16),
			Cipher{Name: "aes", Bits: 128, Mode: "cbc", Hash: "sha256", IVGen: "essiv", IVGenHash: "sha1"}},
		{"qcow2", qcow2, same},
		{"qcow2 with a position beyond the end", with(qcow2, part{112, be64(2 * mib)}), Cipher{}},
		{"qcow2 with no position", with(qcow2, part{112, be64(0)}), Cipher{}},
		{"luks2", luks2Image(20*mib, 16*kib, luks2Header), Cipher{}},
		{"nothing", nil, Cipher{}},
	} {
		got, err := ProbeCipher(bytes.NewReader(test.image), int64(len(test.image)))
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, error %v", test.name, got, err)
		}
	}
}
