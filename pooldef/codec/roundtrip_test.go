package codec

import (
	"reflect"
	"testing"

	"poolctl/pooldef"
)

// checkRoundTrip checks that printing and reading a definition, in both languages, does not change it.
func checkRoundTrip(t *testing.T, p *pooldef.Pool) {
	t.Helper()
	printed := PoolElement(p, nil).String()
	text, err := PoolYAML(p)
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{"printed.xml": []byte(printed), "printed.yaml": text} {
		read, warnings, err := ReadPool(file, data, true)
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(p, read) {
			t.Errorf("%v %v\nprinted\n%s\nfrom\n%+v\nread\n%+v", err, warnings, data, p, read)
		} else if PoolElement(read, nil).String() != printed {
			t.Errorf("printed\n%s\nand then\n%s", printed, PoolElement(read, nil))
		}
	}
}
