package pooldef

import (
	"reflect"
	"testing"

	"poolctl/format"
)

// Whatever is read without problems is printed, and read again, the same.
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
		if _, _, strictErr := ReadPool("fuzz", data, true); (strictErr == nil) != (err == nil && len(warnings) == 0) {
			t.Errorf("%v, %v; strict: %v", err, warnings, strictErr)
		}
		if err == nil {
			again(t, p)
		} else if len(problemsOf(err)) == 0 {
			t.Errorf("%#v", err)
		}
	})
}

// Any text that may stand in a definition comes back from both languages.
func FuzzText(f *testing.F) {
	for _, s := range []string{"x", " a b ", "~", "yes", "0x1", "1_0", "2001-01-01", "<<", "=", "- a", "# b", "a: b", "a #b", "'", `"\`, "&a", "*a", "!a", "%a", "@a",
		"`", "|", ">", "[a]", "{a}", "a,b", "?", "? a", ":", "::1", "\u2028", "\ufeff", "\u00a0", "\U0001f600", "]]>", "&lt;", "null", "0777", "1e3", "---", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		root := format.NewElement("pool", "type", "netfs")
		root.AddText("name", s)
		source := root.Add(format.NewElement("source"))
		source.Add(format.NewElement("host", "name", s))
		source.Add(format.NewElement("host", "name", s, "port", "1"))
		source.Add(format.NewElement("dir", "path", s))
		source.Add(format.NewElement("vendor", "name", s))
		target := root.Add(format.NewElement("target"))
		target.AddText("path", "/"+s)
		target.Add(format.NewElement("permissions")).AddText("label", s)
		root.Add(format.NewElement("fs:mount_opts")).Add(format.NewElement("fs:option", "name", s))
		if p, err := PoolFromElement(root); err == nil {
			again(t, p)
		}
	})
}

func FuzzReadVolume(f *testing.F) {
	for _, pattern := range []string{"volume-*.xml", "volume-*.yaml", "seed-volume-*.xml"} {
		for name, data := range files(f, pattern) {
			for i := range Types {
				if &Types[i] == volumeType(name) {
					f.Add(data, uint8(i))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, pool uint8) {
		info := &Types[int(pool)%len(Types)]
		v, _, err := ReadVolume("fuzz", data, info, false)
		if err != nil {
			return
		}
		printed := v.Element().String()
		read, warnings, err := ReadVolume("printed.xml", []byte(printed), info, true)
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(v, read) {
			t.Fatalf("%v %v\nprinted\n%s\nfrom\n%+v\nread\n%+v", err, warnings, printed, v, read)
		}
		if text := read.Element().String(); text != printed {
			t.Errorf("printed\n%s\nand then\n%s", printed, text)
		}
	})
}

// A uuid's usual form stands for itself, in capitals too.
func FuzzParseUUID(f *testing.F) {
	for _, s := range []string{"2ec115d7-3a88-3ceb-bc12-0ac909a6fd87", "2EC115D73A883CEBBC120AC909A6FD87", " 2e-c1 ", "-", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ParseUUID(s)
		if !ok {
			return
		}
		if same, ok := ParseUUID(id); !ok || same != id || len(id) != 36 {
			t.Errorf("%q: %q, %q", s, id, same)
		}
	})
}

// An author's YAML gets its uuid without saying anything else.
func FuzzWithUUID(f *testing.F) {
	for _, data := range poolFiles(f, ".yaml") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := ReadPool("fuzz.yaml", data, false)
		if err != nil || IsXML("fuzz.yaml", data) {
			return
		}
		if p.UUID == "" {
			p.UUID = NewUUID()
		}
		text, err := withUUID(data, p)
		if err != nil {
			t.Fatal(err)
		}
		if read, _, err := ReadPool("uuid.yaml", text, false); err != nil || !reflect.DeepEqual(p, read) {
			t.Errorf("%v\n%s\nfrom\n%s", err, text, data)
		}
	})
}
