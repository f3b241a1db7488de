package codec

import (
	"reflect"
	"testing"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// FuzzReadPool checks that printing and reading a definition that has no problems does not change it.
func FuzzReadPool(f *testing.F) {
	for _, suffix := range []string{".xml", ".yaml"} {
		for _, data := range poolFiles(f, suffix) {
			f.Add(data)
		}
	}
	for _, data := range seedPools(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, warnings, err := ReadPool("fuzz", data, false)
		_, _, strictErr := ReadPool("fuzz", data, true)
		if (strictErr == nil) != (err == nil && len(warnings) == 0) {
			t.Errorf("%v, %v; strict: %v", err, warnings, strictErr)
		}
		if err == nil {
			checkRoundTrip(t, p)
		} else if len(problemsOf(err)) == 0 {
			t.Errorf("%#v", err)
		}
	})
}

// FuzzText checks that both languages preserve every text that a definition may contain.
func FuzzText(f *testing.F) {
	for _, s := range []string{"x", " a b ", "~", "yes", "0x1", "1_0", "2001-01-01", "<<", "=", "- a", "# b",
		"a: b", "a #b", "'", `"\`, "&a", "*a", "!a", "%a", "@a",
		"`", "|", ">", "[a]", "{a}", "a,b", "?", "? a", ":", "::1", "\u2028", "\ufeff", "\u00a0", "\U0001f600",
		"]]>", "&lt;", "null", "0777", "1e3", "---", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		root := xmltree.NewElement("pool", "type", "netfs")
		root.AddText("name", s)
		source := root.Add(xmltree.NewElement("source"))
		source.Add(xmltree.NewElement("host", "name", s))
		source.Add(xmltree.NewElement("host", "name", s, "port", "1"))
		source.Add(xmltree.NewElement("dir", "path", s))
		source.Add(xmltree.NewElement("vendor", "name", s))
		target := root.Add(xmltree.NewElement("target"))
		target.AddText("path", "/"+s)
		target.Add(xmltree.NewElement("permissions")).AddText("label", s)
		root.Add(xmltree.NewElement("fs:mount_opts")).Add(xmltree.NewElement("fs:option", "name", s))
		if p, err := PoolFromElement(root); err == nil {
			checkRoundTrip(t, p)
		}
	})
}

// FuzzReadVolume checks that printing and reading a definition that has no problems does not change it.
func FuzzReadVolume(f *testing.F) {
	for _, pattern := range []string{"volume-*.xml", "volume-*.yaml", "seed-volume-*.xml"} {
		for name, data := range files(f, pattern) {
			for i := range pooldef.Types {
				if &pooldef.Types[i] == volumeType(name) {
					f.Add(data, uint8(i))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, pool uint8) {
		info := &pooldef.Types[int(pool)%len(pooldef.Types)]
		v, _, err := ReadVolume("fuzz", data, info, false)
		if err != nil {
			return
		}
		printed := VolumeElement(v).String()
		read, warnings, err := ReadVolume("printed.xml", []byte(printed), info, true)
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(v, read) {
			t.Fatalf("%v %v\nprinted\n%s\nfrom\n%+v\nread\n%+v", err, warnings, printed, v, read)
		}
		if text := VolumeElement(read).String(); text != printed {
			t.Errorf("printed\n%s\nand then\n%s", printed, text)
		}
	})
}

// FuzzReadDomain checks that no document of a domain makes ReadDomain crash, and that it returns only
// absolute paths.
func FuzzReadDomain(f *testing.F) {
	f.Add([]byte("<domstatus><domain><name>x</name><devices><disk><source file='/a'/><target dev='vda'/></disk></devices></domain></domstatus>"))
	f.Add([]byte("<domain><a b='/c'>/d</a></domain>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		domain, err := ReadDomain("x.xml", data)
		if err != nil {
			return
		}
		for _, use := range domain.Uses {
			if use.Path != "" && use.Path[0] != '/' || use.Path == "" && use.Volume == "" && use.Image == "" {
				t.Errorf("%+v", use)
			}
		}
	})
}
