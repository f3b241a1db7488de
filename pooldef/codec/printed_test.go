package codec

import (
	"testing"

	"poolctl/pooldef"
)

// TestPrintedParts puts unknown elements and attributes into the parts that are printed only: strict readers
// report each. What libvirt prints there is accepted.
func TestPrintedParts(t *testing.T) {
	checkPools(t, true, []badCase{
		{"as printed", `<pool type='disk'>
  <name>x</name>
  <capacity unit='bytes'>1</capacity><allocation unit='bytes'>2</allocation><available unit='bytes'>3</available>
  <source><device path='/dev/x'><freeExtent start='1' end='2'/><freeExtent start='3' end='4'/></device></source>
  ` + target + `
</pool>`, ""},
		{"unknown", `<pool type='disk'>
  <name>x</name>
  <capacity unit='bytes' x='1'>1</capacity>
  <allocation><x/></allocation>
  <available>3</available>
  <available>4</available>
  <source><device path='/dev/x'>
    <freeExtent start='1' end='2' x='3'/>
    <freeExtent><x/></freeExtent>
    <freeExtent>text</freeExtent>
  </device></source>
  ` + target + `
</pool>`, `
3 capacity/@x: unknown attribute
4 allocation/x: unknown element
6 available: given a second time
8 source/device/freeExtent/@x: unknown attribute
9 source/device/freeExtent/x: unknown element
10 source/device/freeExtent: stray text "text"
`},
	})
	for _, c := range []badCase{
		{"as printed", `<volume type='file'><name>x</name><key>/x</key>
  <source><device path='/d'><extent start='0' end='1'/><extent start='2' end='3'/></device><device path='/e'/></source>
  <capacity unit='bytes'>1</capacity><allocation unit='bytes'>1</allocation><physical unit='bytes'>1</physical>
  <target><timestamps><atime>1.5</atime><mtime>1</mtime><ctime>1</ctime><btime>0</btime></timestamps></target>
  <backingStore><path>/b</path><format type='qcow2'/><timestamps><atime>1</atime></timestamps>
    <backingStore><path>/c</path><format type='raw'/><permissions><mode>0600</mode><owner>0</owner><group>0</group><label>l</label></permissions>
      <backingStore><path>/d</path><timestamps><btime>0</btime></timestamps></backingStore>
    </backingStore>
  </backingStore></volume>`, ""},
		{"unknown", `<volume><name>x</name><capacity>1</capacity>
  <source x='1'>
    <device path='/d' x='2'/>
    <x/>
  </source>
  <physical x='1'/>
  <target><timestamps>
    <dtime>1</dtime>
    <atime x='1'>1</atime>
  </timestamps></target>
  <backingStore><path>/b</path>
    <timestamps x='1'/>
    <backingStore>
      <x/>
      <permissions><y/></permissions>
      <backingStore z='1'/>
    </backingStore>
  </backingStore></volume>`, `
2 source/@x: unknown attribute
3 source/device/@x: unknown attribute
4 source/x: unknown element
6 physical/@x: unknown attribute
8 target/timestamps/dtime: unknown element
9 target/timestamps/atime/@x: unknown attribute
12 backingStore/timestamps/@x: unknown attribute
14 backingStore/backingStore/x: unknown element
15 backingStore/backingStore/permissions/y: unknown element
16 backingStore/backingStore/backingStore/@z: unknown attribute
`},
	} {
		t.Run("volume "+c.name, func(t *testing.T) {
			_, warnings, err := ReadVolume("", []byte(c.document), pooldef.Dir.Info(), true)
			c.check(t, warnings, err)
		})
	}
}

// TestEmptyParts reads elements without text, which libvirt treats as missing (virXPathString).
func TestEmptyParts(t *testing.T) {
	for _, document := range []string{
		"<allocation/>", "<allocation unit='K'></allocation>", "<backingStore/>", "<backingStore><path/></backingStore>",
		"<backingStore>\n<path/><permissions/>\n</backingStore>", "<target><clusterSize unit='K'/></target>",
		"<target><compat/><format/><path/><permissions><mode/><label/></permissions></target>", "<physical/><source/>",
	} {
		v, warnings, err := ReadVolume("",
			[]byte("<volume><name>x</name><capacity>1</capacity>"+document+"</volume>"), pooldef.Dir.Info(), true)
		if err != nil || warnings != nil {
			t.Errorf("%s: %v, warnings %v", document, err, warnings)
		} else if v.Allocation.Known || v.Backing != nil || v.Target.ClusterSize != 0 {
			t.Errorf("%s: %+v", document, v)
		}
	}
	for document, want := range map[string]string{
		"<capacity/>": "1 capacity: missing\n",
		"<capacity>1</capacity><allocation> </allocation>":                        "1 allocation: \"\" is not a size\n",
		"<capacity>1</capacity><backingStore><format type='raw'/></backingStore>": "1 backingStore/path: missing\n",
	} {
		_, warnings, err := ReadVolume("", []byte("<volume><name>x</name>"+document+"</volume>"),
			pooldef.Dir.Info(), false)
		badCase{document: document, want: want}.check(t, warnings, err)
	}
	_, warnings, err := ReadVolume("", []byte("name: x\ncapacity: 1\nallocation: K"), pooldef.Dir.Info(), false)
	badCase{document: "YAML", want: "3 allocation: \"K\" is not a size\n"}.check(t, warnings, err)
}
