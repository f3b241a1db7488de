package codec

import (
	"strings"
	"testing"
	"time"

	"poolctl/pooldef"
)

// TestPrintedOnly checks that parts that only exist in printed documents are printed as virsh does, and that
// reading them back gives no problems.
func TestPrintedOnly(t *testing.T) {
	volume := &pooldef.Volume{
		Type: "block", Name: "lv", Key: "dNecb0-Nd7b", Capacity: pooldef.Bytes(25165824),
		Allocation: pooldef.Bytes(25165824), Physical: pooldef.Bytes(25165824),
		Extents: []pooldef.Extent{
			{Device: "/dev/sda", Start: 0, End: 4096},
			{Device: "/dev/sda", Start: 8192, End: 12288},
			{Device: "/dev/sdb", Start: 0, End: 4096},
		},
		Target: pooldef.VolumeTarget{Path: "/dev/vg/lv",
			Permissions: pooldef.Permissions{Mode: ptr(0o600), Owner: ptr(0), Group: ptr(6)},
			Times: &pooldef.Timestamps{Access: time.Unix(1700000000, 123456789),
				Modify: time.Unix(1700000001, 5000), Change: time.Unix(1700000002, 0)}},
		Backing: &pooldef.VolumeTarget{Path: "/dev/vg/origin", Times: &pooldef.Timestamps{}},
	}
	const want = `<volume type='block'>
  <name>lv</name>
  <key>dNecb0-Nd7b</key>
  <source>
    <device path='/dev/sda'>
      <extent start='0' end='4096'/>
      <extent start='8192' end='12288'/>
    </device>
    <device path='/dev/sdb'>
      <extent start='0' end='4096'/>
    </device>
  </source>
  <capacity unit='bytes'>25165824</capacity>
  <allocation unit='bytes'>25165824</allocation>
  <physical unit='bytes'>25165824</physical>
  <target>
    <path>/dev/vg/lv</path>
    <permissions>
      <mode>0600</mode>
      <owner>0</owner>
      <group>6</group>
    </permissions>
    <timestamps>
      <atime>1700000000.123456789</atime>
      <mtime>1700000001.000005000</mtime>
      <ctime>1700000002</ctime>
      <btime>0</btime>
    </timestamps>
  </target>
  <backingStore>
    <path>/dev/vg/origin</path>
    <timestamps>
      <atime>0</atime>
      <mtime>0</mtime>
      <ctime>0</ctime>
      <btime>0</btime>
    </timestamps>
  </backingStore>
</volume>
`
	if got := VolumeElement(volume).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if v := readVolumeFile(t, "", []byte(want), pooldef.Logical.Info()); v.Physical.Known ||
		v.Extents != nil || v.Target.Times != nil {
		t.Errorf("%+v", v)
	}

	disk := readPoolFile(t, "",
		[]byte("<pool type='disk'><name>d</name><source><device path='/dev/sda'/></source>"+
			"<target><path>/dev</path></target></pool>"))
	disk.Source.Devices[0].FreeExtents = []pooldef.FreeExtent{{Start: 32256, End: 1048576},
		{Start: 2097152, End: 4194304}}
	text := PoolElement(disk, &pooldef.Space{Capacity: 3, Allocation: 2, Available: 1}).String()
	const free = `  <capacity unit='bytes'>3</capacity>
  <allocation unit='bytes'>2</allocation>
  <available unit='bytes'>1</available>
  <source>
    <device path='/dev/sda'>
      <freeExtent start='32256' end='1048576'/>
      <freeExtent start='2097152' end='4194304'/>
    </device>
    <format type='unknown'/>
  </source>
`
	if !strings.Contains(text, free) {
		t.Error(text)
	}
	if p := readPoolFile(t, "", []byte(text)); p.Source.Devices[0].FreeExtents != nil {
		t.Errorf("%+v", p)
	}
}

// TestFoundParts prints parts that backends find: sources and images.
func TestFoundParts(t *testing.T) {
	source := pooldef.Source{Hosts: []pooldef.Host{{Name: "h"}}, Dir: "/srv", Format: "nfs"}
	got, want := SourceElement(&source, pooldef.NetFS.Info()).String(),
		"<source>\n  <host name='h'/>\n  <dir path='/srv'/>\n  <format type='nfs'/>\n</source>\n"
	if got != want {
		t.Error(got)
	}
	if got := SourceElement(&pooldef.Source{}, pooldef.Dir.Info()).String(); got != "<source>\n</source>\n" {
		t.Error(got)
	}
	below := []*pooldef.Volume{{Target: pooldef.VolumeTarget{Path: "/b", Format: "qcow2"}},
		{Target: pooldef.VolumeTarget{Path: "nbd://h", Format: "raw"}}}
	chain := pooldef.Volume{Name: "v", Capacity: pooldef.Bytes(1), Backing: &below[0].Target, Chain: below}
	const nested = `  <backingStore>
    <path>/b</path>
    <format type='qcow2'/>
    <backingStore>
      <path>nbd://h</path>
      <format type='raw'/>
    </backingStore>
  </backingStore>
`
	text := VolumeElement(&chain).String()
	if !strings.Contains(text, nested) {
		t.Error(text)
	}
	if v := readVolumeFile(t, "", []byte(text), pooldef.Dir.Info()); v.Backing.Path != "/b" ||
		v.Chain != nil {
		t.Errorf("%+v", v)
	}
	// libvirt's schema has no name for vhdx
	vhdx := pooldef.Volume{Name: "v", Target: pooldef.VolumeTarget{Format: "vhdx"}}
	got, want = VolumeElement(&vhdx).String(),
		"<volume>\n  <name>v</name>\n  <target>\n    <format type='unknown'/>\n  </target>\n</volume>\n"
	if got != want {
		t.Error(got)
	}
}
