package image

import (
	"strings"
	"testing"
)

// references are references and their meaning for an image in /pool/images. An empty path: not local.
var references = []struct{ text, path string }{
	{"base.img", "/pool/images/base.img"},
	{"sub/base.img", "/pool/images/sub/base.img"},
	{"../base.img", "/pool/images/../base.img"},
	{"link/../base.img", "/pool/images/link/../base.img"},
	{"/pool/link/../base.img", "/pool/link/../base.img"},
	{"/pool/link/..", "/pool/link/.."},
	{"fat:link/../floppy", "/pool/images/link/../floppy"},
	{"link//.././base.img", "/pool/images/link/../base.img"},
	{".//sub/./..base.img", "/pool/images/sub/..base.img"},
	{"/srv/base.img", "/srv/base.img"},
	{"/srv//old/./base.img", "/srv/old/base.img"},
	{"../../../../etc/shadow", "/pool/images/../../../../etc/shadow"},
	{"./a:b", "/pool/images/a:b"},
	{"/a:b", "/a:b"},
	{"name with space", "/pool/images/name with space"},
	{"", ""},
	{"a:b", ""},
	{":", ""},
	{`C:\base.vmdk`, ""},
	{"base\x00.img", ""},
	{strings.Repeat("a", 4097), ""},

	{"fat:/srv/floppy", "/srv/floppy"},
	{"fat:floppy", "/pool/images/floppy"},
	{"fat:rw:/srv/floppy", ""},
	{"fat:", ""},

	{"nbd://host:10809/disk", ""},
	{"nbd+unix:///disk?socket=/run/nbd.sock", ""},
	{"nbd:host:10809:exportname=disk", ""},
	{"nbd:unix:/run/nbd.sock", ""},
	{"rbd:pool/disk:id=admin", ""},
	{"https://host/disk.img", ""},
	{"file:///srv/base.img", ""},
	{"file:/srv/base.img", ""},

	{`json:{"driver":"file","filename":"/srv/base.img"}`, "/srv/base.img"},
	{`json:{"driver":"file","filename":"base.img"}`, "/pool/images/base.img"},
	{`json:{"driver":"file","filename":"a:b"}`, "/pool/images/a:b"},
	{`json:{"driver":"host_device","filename":"/dev/sda"}`, "/dev/sda"},
	{`json:{"driver":"host_cdrom","filename":"/dev/sr0"}`, "/dev/sr0"},
	{`json:{"file":{"driver":"file","filename":"/srv/base.img"}}`, "/srv/base.img"},
	{`json:{"file.driver":"file","file.filename":"/srv/base.img"}`, "/srv/base.img"},
	{`json: { "file.driver" : "file" , "file.filename" : "/srv/base.img" } `, "/srv/base.img"},
	{`json:{"driver":"raw","file":{"driver":"file","filename":"/srv/base.img"}}`, "/srv/base.img"},
	{`json:{"driver":"raw","file.driver":"file","file.filename":"/srv/base.img"}`, "/srv/base.img"},
	{`json:{"driver":"file","filename":"/pool/link/../base.img"}`, "/pool/link/../base.img"},
	{`json:{"dr\u0069ver":"file","filename":"/srv/b\u0061se.img"}`, "/srv/base.img"},
	{`json:{"file":{"driver":"raw","file":{"driver":"file","filename":"/srv/base.img"}}}`, "/srv/base.img"},
	{`json:{"file.driver":"raw","file.file.driver":"file","file.file.filename":"/srv/base.img"}`, "/srv/base.img"},
	{`json:{"file":{"driver":"raw","file.driver":"file","file.filename":"/srv/base.img"}}`, "/srv/base.img"},

	{`json:`, ""},
	{`json:{}`, ""},
	{`json:{"driver":"file"}`, ""},
	{`json:{"driver":"file","filename":""}`, ""},
	{`json:{"driver":"file","filename":7}`, ""},
	{`json:{"driver":"file","filename":null}`, ""},
	{`json:{"driver":"file","filename":"/srv/base\u0000.img"}`, ""},
	{`json:{"Driver":"file","Filename":"/srv/base.img"}`, ""},
	{`json:{"filename":"/srv/base.img"}`, ""},
	{`json:{"file":"/srv/base.img"}`, ""},
	{`json:{"file":null}`, ""},
	{`json:{"file":{"file":{"driver":"file","filename":"/srv/base.img"}}}`, ""},
	{`json:{"file":{"driver":"file"},"file.filename":"/srv/base.img"}`, ""},
	{`json:{"driver":"raw","file":{"driver":"raw","file":{"driver":"file","filename":"/srv/base.img"}}}`, ""},
	{`json:{"driver":"qcow2","file":{"driver":"file","filename":"/srv/base.img"}}`, ""},
	{`json:{"driver":"nbd","host":"localhost","port":"10809"}`, ""},
	{`json:{"driver":"https","url":"https://host/disk.img"}`, ""},
	{`json:["driver","file"]`, ""},
	{`json:null`, ""},

	{`json:{"driver":"raw","offset":512,"file":{"driver":"file","filename":"/srv/base.img"}}`, ""},
	{`json:{"driver":"raw","size":512,"file.driver":"file","file.filename":"/srv/base.img"}`, ""},
	{`json:{"driver":"raw","file":{"driver":"file","filename":"/srv/base.img","aio":"native"}}`, ""},
	{`json:{"driver":"raw","file":{"driver":"file","filename":"/srv/base.img"},"backing":"/etc/shadow"}`, ""},
	{`json:{"file":{"driver":"file","filename":"/srv/base.img"},"backing.file.filename":"/etc/shadow"}`, ""},
	{`json:{"file.driver":"file","file.filename":"/srv/base.img","data-file.filename":"/etc/shadow"}`, ""},
	{`json:{"driver":"file","filename":"/srv/base.img","server":{"type":"unix"}}`, ""},
	{`json:{"driver":"file","filename":"/srv/base.img","Filename":"/etc/shadow"}`, ""},
	{`json:{"driver":"file","filename":"/srv/base.img","filename ":"/etc/shadow"}`, ""},
	{`json:{"driver":"file","filename":"/etc/shadow","filename":"/srv/base.img"}`, ""},
	{`json:{"driver":"file","filename":"/etc/shadow","f\u0069lename":"/srv/base.img"}`, ""},
	{`json:{"driver":"raw","file":{"driver":"file","filename":"/etc/shadow","filename":"/srv/base.img"}}`, ""},
	{`json:{"file":{"driver":"nbd"},"file":{"driver":"file","filename":"/srv/base.img"}}`, ""},
	{`json:{"file":{"driver":"file","filename":"/srv/base.img"},"file.":""}`, ""},
	{`json:{"driver":"raw","filename":"/etc/shadow","file":{"driver":"file","filename":"/srv/base.img"}}`, ""},
	{`json:{"driver":"file","filename":"/srv/b\ud800se.img"}`, ""},
	{"json:{\"driver\":\"file\",\"filename\":\"/srv/b\xffse.img\"}", ""},
	{`json:{"driver":"file","filename":"/srv/base.img"}{}`, ""},
	{`json:` + strings.Repeat(`{"file":`, 500) + strings.Repeat(`}`, 500), ""},
	{`json:{"driver":"file","x":"` + strings.Repeat("x", 4096) + `","filename":"/srv/base.img"}`, ""},
}

func TestParseReference(t *testing.T) {
	for _, r := range references {
		want := Reference{Path: r.path, Local: true}
		if r.path == "" {
			want = Reference{Path: r.text}
		}
		got := ParseReference(r.text, "/pool/images")
		isJSON := strings.HasPrefix(r.text, "json:")
		if (got.NotUnderstood != "") != (isJSON && r.path == "") {
			t.Errorf("%.100q: not understood is %q", r.text, got.NotUnderstood)
		}
		want.NotUnderstood = got.NotUnderstood
		if got != want {
			t.Errorf("%.100q: got %+v, want %+v", r.text, got, want)
		}
	}
}

// TestNotUnderstood checks the reasons why JSON does not name a local file.
func TestNotUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		`{"file":{"driver":"file","filename":"/b"},"backing":null,"data-file":"x"}`: `unknown key "backing"`,
		`{"driver":"file","filename":"/b","aio":"native"}`:                          `unknown key "aio"`,
		`{"driver":"file","filename":"/a","filename":"/b"}`:                         `the key "filename" occurs twice`,
		`{"file":{"driver":"file"},"file.filename":"/b"}`:                           `the key "file" occurs twice`,
		`{"driver":"nbd","host":"h"}`:                                               `the driver "nbd" is not for a file or device`,
		`{"driver":"file"}`:                                                         "no file is named",
		"{\"driver\":\"\xff\"}":                                                     "it is not UTF-8",
		`{`:                                                                         "not a JSON object",
		strings.Repeat(" ", maxReference):                                           "it is too long",
	} {
		if got := ParseReference("json:"+text, "/pool"); got.NotUnderstood != want || got.Local {
			t.Errorf("%.100q: got %+v, want %q", text, got, want)
		}
	}
}
