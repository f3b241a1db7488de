package pooldef

import (
	"reflect"
	"testing"
)

// again prints a definition and reads it, in both languages: that changes nothing.
func again(t *testing.T, p *Pool) {
	t.Helper()
	printed := p.Element(nil).String()
	text, err := p.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{"printed.xml": []byte(printed), "printed.yaml": text} {
		read, warnings, err := ReadPool(file, data, true)
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(p, read) {
			t.Errorf("%v %v\nprinted\n%s\nfrom\n%+v\nread\n%+v", err, warnings, data, p, read)
		} else if read.Element(nil).String() != printed {
			t.Errorf("printed\n%s\nand then\n%s", printed, read.Element(nil))
		}
	}
}
