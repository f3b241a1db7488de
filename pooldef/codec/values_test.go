package codec

import (
	"fmt"
	"math"
	"os/user"
	"slices"
	"strings"
	"testing"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

func dirPool(name, path, permissions string) []byte {
	return fmt.Appendf(nil,
		"<pool type='dir'><name>%s</name><target><path>%s</path><permissions>%s</permissions></target></pool>",
		name, path, permissions)
}

func TestNames(t *testing.T) {
	for _, name := range []string{"x", "a b", "images.old", "ä日本", "_", "@home", "100%", "a&amp;b", "x-",
		strings.Repeat("n", pooldef.MaxName)} {
		if _, _, err := ReadPool("", dirPool(name, "/t", ""), true); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"a/b": "cannot contain '/'", "/": "cannot contain '/'", "..": `cannot begin with '.'`,
		".":       `cannot begin with '.'`,
		".hidden": `cannot begin with '.'`, "-x": `cannot begin with '-'`, "a\tb": "control character",
		"a&#10;b":  "control character",
		"a\u0085b": "control character", "a\u007fb": "control character", "a\ufffdb": "UTF-8",
		strings.Repeat("ä", 116): "the name has 232 bytes: the limit is 230",
	} {
		_, _, err := ReadPool("", dirPool(name, "/t", ""), false)
		if problems := problemsOf(err); len(problems) != 1 || problems[0].Element != "name" ||
			!strings.Contains(problems[0].Text, want) {
			t.Errorf("%q: %v", name, err)
		}
		if pooldef.CheckName(strings.ReplaceAll(name, "&#10;", "\n")) == "" {
			t.Errorf("%q is accepted", name)
		}
	}
	if text := pooldef.CheckName("a\xff"); !strings.Contains(text, "UTF-8") {
		t.Error(text)
	}
}

// TestPoolFromElement checks that values from the command line are checked as those of files are.
func TestPoolFromElement(t *testing.T) {
	build := func(name, path string) *xmltree.Element {
		e := xmltree.NewElement("pool", "type", "dir")
		e.AddText("name", name)
		e.Add(xmltree.NewElement("target")).AddText("path", path)
		return e
	}
	if p, err := PoolFromElement(build("x", "/a//b/")); err != nil || p.Target.Path != "/a/b" {
		t.Errorf("%+v %v", p, err)
	}
	_, err := PoolFromElement(build("a\xff", "/a\xff\n"))
	if want := "name: \"a\\xff\" is not UTF-8\ntarget/path: \"/a\\xff\\n\" is not UTF-8"; err == nil ||
		err.Error() != want {
		t.Errorf("%v", err)
	}
	v := xmltree.NewElement("volume")
	v.AddText("name", "v").AddText("capacity", "10")
	if v, err := VolumeFromElement(v, pooldef.Dir.Info()); err != nil || v.Capacity != pooldef.Bytes(10) ||
		v.Target.Format != "raw" {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := VolumeFromElement(xmltree.NewElement("volume"), pooldef.Dir.Info()); err == nil {
		t.Error("an empty volume is accepted")
	}
}

// TestDefaultNames checks that pool and source name default to each other, except for rbd, which requires the
// source name.
func TestDefaultNames(t *testing.T) {
	for _, info := range pooldef.Types {
		if info.Name != pooldef.Required {
			continue
		}
		document := func(name, source string) []byte {
			return []byte("<pool type='" + string(info.Type) + "'>" + name + "<source>" + source +
				"<host name='h'/></source>" + target + "</pool>")
		}
		p, _, err := ReadPool("", document("", "<name>a</name>"), false)
		if err != nil || p.Name != "a" || p.Source.Name != "a" {
			t.Errorf("%s, source's name: %+v %v", info.Type, p, err)
		}
		p, _, err = ReadPool("", document("<name>b</name>", ""), false)
		if info.Type == pooldef.RBD {
			if err == nil {
				t.Error("rbd without the name of its source is accepted")
			}
		} else if err != nil || p.Name != "b" || p.Source.Name != "b" {
			t.Errorf("%s, pool's name: %+v %v", info.Type, p, err)
		}
		p, _, err = ReadPool("", document("<name>b</name>", "<name>a</name>"), false)
		if err != nil || p.Name != "b" || p.Source.Name != "a" {
			t.Errorf("%s, both names: %+v %v", info.Type, p, err)
		}
	}
}

// TestMode checks that modes are octal in every notation, in XML and YAML.
func TestMode(t *testing.T) {
	for _, c := range []struct {
		yaml, xml string
		want      uint32
	}{
		{"0711", "0711", 0o711}, {"711", "711", 0o711}, {`"0711"`, " 0711\n", 0o711}, {"0", "0", 0},
		{"00", "00", 0}, {"0o755", "0755", 0o755}, {"0777", "0777", 0o777},
	} {
		fromXML := readPoolFile(t, "", dirPool("x", "/t", "<mode>"+c.xml+"</mode>"))
		fromYAML := readPoolFile(t, "",
			[]byte("type: dir\nname: x\ntarget:\n  path: /t\n  mode: "+c.yaml+"\n"))
		if *fromXML.Target.Permissions.Mode != c.want || *fromYAML.Target.Permissions.Mode != c.want {
			t.Errorf("%+v: %o, %o", c, *fromXML.Target.Permissions.Mode, *fromYAML.Target.Permissions.Mode)
		}
	}
	if p := readPoolFile(t, "", dirPool("x", "/t", "<mode/>")); !p.Target.Permissions.IsZero() {
		t.Errorf("%+v", p.Target.Permissions)
	}
	text := PoolElement(readPoolFile(t, "", dirPool("x", "/t", "<mode>0</mode>")),
		nil).String()
	if !strings.Contains(text, "<mode>00</mode>") {
		t.Error(text)
	}
}

// TestOwner checks that owner and group are IDs or names, and that -1, in every width that libvirt prints,
// means unset.
func TestOwner(t *testing.T) {
	root, err := user.LookupId("0")
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId("0")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]*uint32{
		"0": new(uint32), root.Username: new(uint32), "107": ptr(107), "-1": nil, "4294967295": nil,
		"4294967294": ptr(math.MaxUint32 - 1),
		"-2":         ptr(math.MaxUint32 - 1), "2147483648": ptr(1 << 31), "\n5": ptr(5),
	} {
		p := readPoolFile(t, "", dirPool("x", "/t", "<owner>"+text+"</owner>"))
		if got := p.Target.Permissions.Owner; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%q", text)
		}
		quoted := strings.ReplaceAll(text, "\n", "")
		p = readPoolFile(t, "",
			[]byte("type: dir\nname: x\ntarget:\n  path: /t\n  group: "+
				strings.Replace(quoted, root.Username, group.Name, 1)+"\n"))
		if got := p.Target.Permissions.Group; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("group %q", text)
		}
	}
	for _, text := range []string{"", "4294967296", "-2147483649", "99999999999999999999", "1.5", "nosuch",
		"0x10"} {
		if _, _, err := ReadPool("", dirPool("x", "/t", "<owner>"+text+"</owner>"), false); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func ptr(n uint32) *uint32 { return &n }

// TestPaths checks that paths are cleaned as libvirt does.
func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "//": "//", "///": "/", "/a": "/a", "/a/": "/a", "/a//b///c/": "/a/b/c", "//a/": "//a",
		"///a": "/a", "/a/../b/.": "/a/../b/.", "/a b": "/a b",
		"/a://b": "/a:/b",
	} {
		if p := readPoolFile(t, "", dirPool("x", path, "")); p.Target.Path != want {
			t.Errorf("%q: %q, want %q", path, p.Target.Path, want)
		}
	}
	for path, want := range map[string]string{"": "/", "sub//dir/": "sub/dir", "smb://a//b/": "smb://a//b/"} {
		p := readPoolFile(t, "",
			[]byte("<pool type='gluster'><name>x</name><source><host name='h'/><dir path='"+path+
				"'/></source></pool>"))
		if p.Source.Dir != want {
			t.Errorf("%q: %q, want %q", path, p.Source.Dir, want)
		}
	}
}

func TestPorts(t *testing.T) {
	for text, want := range map[string]int{"": 0, "0": 0, "1": 1, "65535": 65535, "\n7": 7, "-1": 0} {
		p := readPoolFile(t, "",
			[]byte("<pool type='sheepdog'><name>x</name><source><host name='h' port='"+text+"'/></source></pool>"))
		if p.Source.Hosts[0].Port != want {
			t.Errorf("%q: %d", text, p.Source.Hosts[0].Port)
		}
	}
	for _, text := range []string{"65536", "-2", "0x10", "1e3", "99999999999999999999999", "٣"} {
		_, _, err := ReadPool("",
			[]byte("<pool type='sheepdog'><name>x</name><source><host name='h' port='"+text+"'/></source></pool>"),
			false)
		if err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// TestSizes checks sizes with libvirt's units; in YAML, number and unit are one value.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		number, unit string
		want         uint64
	}{
		{"10", "", 10}, {"10", "bytes", 10}, {"10", "G", 10 << 30}, {"10", "gib", 10 << 30},
		{"10", "GB", 10_000_000_000}, {"1.5", "K", 1536},
		{"9223372036854775807", "", math.MaxInt64}, {"7", "EiB", 7 << 60},
	} {
		document := "<volume><name>v</name><capacity unit='" + c.unit + "'> " + c.number +
			"\n</capacity></volume>"
		v := readVolumeFile(t, "", []byte(document),
			pooldef.Dir.Info())
		if v.Capacity != pooldef.Bytes(c.want) {
			t.Errorf("%+v: %v", c, v.Capacity)
		}
		for _, blank := range []string{"", " "} {
			document := "name: v\ncapacity: " + c.number + blank + c.unit + "\n"
			v := readVolumeFile(t, "", []byte(document),
				pooldef.Dir.Info())
			if v.Capacity != pooldef.Bytes(c.want) {
				t.Errorf("%q: %v", document, v.Capacity)
			}
		}
	}
	for _, c := range [][2]string{{"", ""}, {"-1", ""}, {"10", "Q"}, {"9223372036854775808", ""}, {"8", "E"},
		{"99999999999", "E"}, {"1e9", ""}, {"0x10", ""}, {"1_000", ""}} {
		document := "<volume><name>v</name><capacity unit='" + c[1] + "'>" + c[0] + "</capacity></volume>"
		if v, _, err := ReadVolume("", []byte(document), pooldef.Dir.Info(), false); err == nil {
			t.Errorf("%v is accepted: %v", c, v.Capacity)
		}
		v, _, err := ReadVolume("", []byte("name: v\ncapacity: "+c[0]+c[1]+"\n"), pooldef.Dir.Info(),
			false)
		if err == nil {
			t.Errorf("%v is accepted in YAML: %v", c, v.Capacity)
		}
	}
}

// TestBacking checks that an empty backing store means none, and that a volume with a backing file may get
// its size from that file.
func TestBacking(t *testing.T) {
	v := readVolumeFile(t, "", []byte("<volume><name>v</name><capacity>1</capacity><backingStore/></volume>"),
		pooldef.Dir.Info())
	if v.Backing != nil {
		t.Errorf("%+v", v.Backing)
	}
	v = readVolumeFile(t, "", []byte("name: v\nbacking: {path: base}\n"), pooldef.Dir.Info())
	if v.Capacity.Known || v.Allocation.Known || v.Backing.Path != "base" || v.Backing.Format != "" {
		t.Errorf("%+v", v)
	}
	if text := VolumeElement(v).String(); strings.Contains(text, "capacity") {
		t.Error(text)
	}
}

// TestYesNo checks that all spellings of YAML's booleans mean libvirt's yes and no.
func TestYesNo(t *testing.T) {
	for _, text := range []string{"true", "yes", "on", "True", "YES", `"yes"`} {
		p := readPoolFile(t, "",
			[]byte("type: dir\nname: x\ncow: "+text+"\ntarget: {path: /t, mount_point: "+text+"}\n"))
		if p.COW == nil || !*p.COW || !p.MountPoint {
			t.Errorf("%s: %+v", text, p)
		}
	}
	for _, text := range []string{"false", "no", "off"} {
		p := readPoolFile(t, "",
			[]byte("type: dir\nname: x\ncow: "+text+"\ntarget: {path: /t, mount_point: "+text+"}\n"))
		if p.COW == nil || *p.COW || p.MountPoint {
			t.Errorf("%s: %+v", text, p)
		}
	}
	v := readVolumeFile(t, "",
		[]byte("name: v\ncapacity: 1\nnocow: on\nlazy_refcounts: true\nextended_l2: no\n"),
		pooldef.Dir.Info())
	if !v.Target.NoCOW || !v.Target.Features || !v.Target.LazyRefcounts || v.Target.ExtendedL2 {
		t.Errorf("%+v", v.Target)
	}
}

// TestYAMLWords checks that text that YAML takes for other types stays text.
func TestYAMLWords(t *testing.T) {
	p := readPoolFile(t, "",
		[]byte("type: rbd\nname: 0123\nsource:\n  name: on\n  hosts: [1.0, 2001:db8::1, 1e3, 0x1]\n"))
	var hosts []string
	for _, h := range p.Source.Hosts {
		hosts = append(hosts, h.Name)
	}
	if p.Name != "0123" || p.Source.Name != "on" ||
		!slices.Equal(hosts, []string{"1.0", "2001:db8::1", "1e3", "0x1"}) {
		t.Errorf("%+v", p)
	}
}

// TestUnusedParts checks that parts that a type does not use are dropped, when printing and when reading.
func TestUnusedParts(t *testing.T) {
	const everything = `<features/><source>
<host name='h'/><device path='/dev/sda'/><dir path='/d'/><adapter name='host1'/><name>n</name><initiator><iqn name='iqn.2013-06.com.example:i'/></initiator>
<protocol ver='4'/></source><target><path>/t</path></target>
<fs:mount_opts><fs:option name='ro'/></fs:mount_opts><rbd:config_opts><rbd:option name='a' value='b'/></rbd:config_opts>`
	for _, info := range pooldef.Types {
		document := "<pool type='" + string(info.Type) + "' xmlns:fs='" + fsNamespace + "' xmlns:rbd='" +
			rbdNamespace + "'><name>x</name>" + everything + "</pool>"
		p, _, err := ReadPool("", []byte(document), false)
		if err != nil {
			t.Errorf("%s: %v", info.Type, err)
			continue
		}
		for part, c := range map[string]struct {
			need pooldef.Need
			kept bool
		}{
			"host": {info.Host, p.Source.Hosts != nil}, "device": {info.Device, p.Source.Devices != nil},
			"dir":     {info.Dir, p.Source.Dir != ""},
			"adapter": {info.Adapter, p.Source.Adapter != nil}, "name": {info.Name, p.Source.Name != ""},
			"initiator": {info.Initiator, p.Source.Initiator != ""},
			"target":    {info.Target, p.Target.Path != ""}, "mount options": {info.MountOpts, p.MountOptions != nil},
		} {
			if c.kept != (c.need != pooldef.Unused) {
				t.Errorf("%s: %s kept: %v", info.Type, part, c.kept)
			}
		}
		checkRoundTrip(t, p)
	}
}
