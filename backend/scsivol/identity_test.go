package scsivol

import (
	"encoding/hex"
	"strings"
	"testing"

	"poolctl/backend/backendtest"
)

// page decodes hexadecimal digits, and ignores white space.
func page(t testing.TB, digits string) string {
	t.Helper()
	data, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The pages of LUN 1 of scsi_debug and of tgt.
const (
	debugPage = `0083 0070 0201 001c 4c69 6e75 7820 2020 7363 7369 5f64 6562 7567 2020 2020 2020 3230 3031 0103 0008 3333 3330 0000 07d1
		6194 0004 0000 0001 6193 0008 3222 2220 0000 07ce 6195 0004 0000 0100 61a3 0008 3222 2220 0000 07cd 63a8 0018 6e61 612e
		3332 3232 3232 3230 3030 3030 3037 4344 0000 0000`
	tgtPage = `0083 0048 0201 0024 4945 5420 2020 2020 3030 3031 3030 3031 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0103 0008
		3000 0001 0000 0001 0103 0010 6000 0000 0000 0000 0e00 0000 0001 0001`
)

// TestIdentify compares with the output of scsi_id(8) of systemd 252.
func TestIdentify(t *testing.T) {
	for _, test := range []struct{ name, page83, page80, serial, port string }{
		{"scsi_debug: NAA 3 behind a name of the vendor's", debugPage, "", "333333330000007d1", "100"},
		{"tgt: NAA 6 before NAA 3", tgtPage, "", "360000000000000000e00000000010001", ""},
		{"EUI-64", "0083 000c 0102 0008 0011 2233 4455 6677", "", "20011223344556677", ""},
		{"only the vendor's name, with blanks", "0083 0010 0201 000c 4142 4320 2020 2020 2078 2020", "", "1ABC_x",
			""},
		{"the vendor's own, without its name", "0083 0006 0200 0002 7839", "", "0Linux_scsi_debug_x9", ""},
		{"it is the port's", "0083 000c 0113 0008 5011 2233 4455 6677", "", "", ""},
		{"no such page, but a number", "", "0080 0004 3230 3031", "SLinux_scsi_debug_2001", ""},
		{"of before there were descriptors", "0083 0008 0060 4812 3456 789a", "", "3006048123456789a", ""},
		{"what names cannot have", "0083 0008 0201 0004 612f 62c3", "", "1a_b_", ""},
		{"cut off in the middle", "0083 0070 0103 0008 3333", "", "", ""},
		{"cut off before", "0083", "", "", ""},
		{"another page", "0080 0004 3230 3031", "", "", ""},
		{"nothing", "", "", "", ""},
	} {
		s := backendtest.NewSysTree(t)
		files := map[string]string{"vendor": "Linux   \n", "model": "scsi_debug      \n"}
		if test.page83 != "" {
			files["vpd_pg83"] = page(t, test.page83)
		}
		if test.page80 != "" {
			files["vpd_pg80"] = page(t, test.page80)
		}
		s.Write("unit", files)
		if got := identify(local(s).Sys(), "unit"); got.serial != test.serial || got.port != test.port {
			t.Errorf("%s: got %+v, want %q %q", test.name, got, test.serial, test.port)
		}
	}
}

func FuzzPage83(f *testing.F) {
	f.Add([]byte(page(f, debugPage)), "maker")
	f.Add([]byte(page(f, tgtPage)), "../\x1b[m \xff")
	f.Add([]byte("\x00\x83\x00\x08\x02\x00\x00\x04../x"), "-")
	f.Fuzz(func(t *testing.T, data []byte, maker string) {
		if body := content(data, 0x83); body != nil {
			id := fromPage83(body, func() string { return maker })
			name := printable(id.serial)
			if strings.ContainsAny(name, "/ \n\x00\x1b") || len(name) > 3*(len(data)+len(maker))+2 {
				t.Errorf("%q is not a name", name)
			}
		}
	})
}
