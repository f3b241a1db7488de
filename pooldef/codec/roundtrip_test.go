package codec

import (
	"reflect"
	"testing"

	"poolctl/pooldef"
)

// checkRoundTrip checks that printing and reading a definition, in both languages, does not change it, except
// that XML has no settings of poolctl check.
func checkRoundTrip(t *testing.T, p *pooldef.Pool) {
	t.Helper()
	printed := PoolElement(p, nil).String()
	text, err := PoolYAML(p)
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{"printed.xml": []byte(printed), "printed.yaml": text} {
		read, warnings, err := ReadPool(file, data, true)
		if file == "printed.xml" && read != nil {
			read.Check = p.Check
		}
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(p, read) {
			t.Errorf("%v %v\nprinted\n%s\nfrom\n%+v\nread\n%+v", err, warnings, data, p, read)
		} else if PoolElement(read, nil).String() != printed {
			t.Errorf("printed\n%s\nand then\n%s", printed, PoolElement(read, nil))
		}
	}
}

// TestCheckSettings checks that the settings of poolctl check are read and printed in YAML.
func TestCheckSettings(t *testing.T) {
	const text = "type: dir\nname: images\ntarget:\n  path: /srv/images\ncheck:\n  warning: 85\n" +
		"  critical: '@95:100'\n  skip:\n    autostart-missing: started by the cluster\n"
	p, warnings, err := ReadPool("images.yaml", []byte(text), true)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if got, err := PoolYAML(p); err != nil || string(got) != text {
		t.Errorf("printed (%v)\n%s\nfrom\n%s", err, got, text)
	}
	checkRoundTrip(t, p)
}
