package codec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"poolctl/pooldef"
)

// A badCase is a document and its problems and warnings in order, one per line: "line element: text".
// Warnings begin with "warning".
type badCase struct {
	name, document, want string
}

// found formats problems and warnings as in badCase.
func found(warnings []pooldef.Problem, err error) string {
	var b strings.Builder
	if err != nil && problemsOf(err) == nil {
		return "not Problems: " + err.Error()
	}
	for _, p := range problemsOf(err) {
		fmt.Fprintf(&b, "%d %s: %s\n", p.Line, p.Element, p.Text)
	}
	for _, p := range warnings {
		fmt.Fprintf(&b, "warning %d %s: %s\n", p.Line, p.Element, p.Text)
	}
	return b.String()
}

func problemsOf(err error) pooldef.Problems {
	var problems pooldef.Problems
	errors.As(err, &problems)
	return problems
}

func (c badCase) check(t *testing.T, warnings []pooldef.Problem, err error) {
	t.Helper()
	if got, want := found(warnings, err), strings.TrimPrefix(c.want, "\n"); got != want {
		t.Errorf("%s\ngot\n%s\nwant\n%s", c.document, got, want)
	}
}

func checkPools(t *testing.T, strict bool, cases []badCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, warnings, err := ReadPool("pool", []byte(c.document), strict)
			c.check(t, warnings, err)
		})
	}
}

const types = "dir, fs, netfs, logical, disk, iscsi, iscsi-direct, scsi, mpath, rbd, sheepdog, " +
	"gluster, zfs, vstorage"

// target completes a definition, together with a name and, depending on the type, a source.
const target = "<target><path>/t</path></target>"

func TestBadXML(t *testing.T) {
	checkPools(t, false, []badCase{
		{"another root", "<volume/>", "1 volume: the root element is <volume>, not <pool>\n"},
		{"no type", "<pool/>", "1 @type: missing; it is one of " + types + "\n"},
		{"unknown type", "<pool type='dri'/>", `1 @type: "dri" is not one of ` + types + "\n"},
		{"nothing in it", "<pool type='dir'/>", "1 name: missing\n1 target/path: missing\n"},
		{"much at once", `<pool type='netfs'>
  <name>a/b</name>
  <uuid>7</uuid>
  <source>
    <host port='70000'/>
    <host/>
    <dir/>
    <format type='ntfs'/>
    <protocol ver='4,x'/>
  </source>
  <features><cow state='maybe'/></features>
  <target>
    <path>rel</path>
    <permissions>
      <mode>01777</mode>
      <owner>nosuch</owner>
      <group>4294967296</group>
    </permissions>
  </target>
  <refresh><volume allocation='all'/></refresh>
</pool>`, `
2 name: "a/b": a name cannot contain '/'
3 uuid: "7" is not a uuid
5 source/host/@port: "70000" is not a number from 0 to 65535
5 source/host/@name: missing
6 source/host/@name: missing
7 source/dir/@path: missing
8 source/format/@type: "ntfs" is not one of auto, nfs, glusterfs, cifs
9 source/protocol: only netfs pools of format nfs or auto have a protocol version
9 source/protocol/@ver: "4,x" must not contain ','
11 features/cow/@state: "maybe" is not one of yes, no
11 features/cow: only pools of types dir and fs support cow
13 target/path: "rel" is not an absolute path
15 target/permissions/mode: "01777" is not an octal mode from 0 to 0777
16 target/permissions/owner: no user "nosuch" on this machine
17 target/permissions/group: "4294967296" is neither an id nor a name
20 refresh/volume/@allocation: "all" is not one of default, capacity
`},
		{"what netfs needs", "<pool type='netfs'><name>x</name></pool>", `
1 source/host: missing: pools of type netfs need it
1 source/dir: missing: pools of type netfs need it
1 target/path: missing
`},
		{"what iscsi-direct needs", "<pool type='iscsi-direct'>\n<name>x</name>\n<source>\n<initiator/></source></pool>", `
3 source/host: missing: pools of type iscsi-direct need it
4 source/initiator/iqn/@name: missing
`},
		{"what rbd needs", "<pool type='rbd'/>", `
1 source/host: missing: pools of type rbd need it
1 source/name: missing: it is the name of the RADOS pool
1 name: missing
`},
		{"a source's name that is no pool's", "<pool type='zfs'><source>\n<name>tank/x</name></source></pool>", `
2 source/name: "tank/x": a name cannot contain '/'
`},
		{"a source's name that leads elsewhere", "<pool type='logical'><name>x</name>\n<source>\n<name>../sda</name></source></pool>", `
3 source/name: "../sda" cannot be a name below /dev/
`},
		{"a source's name that is no path", "<pool type='zfs'><name>x</name><source><name>tank//x</name></source></pool>", `
1 source/name: "tank//x" cannot be a name below /dev/zvol/
`},
		{"neither name", "<pool type='logical'/>", "1 name: missing\n"},
		{"options", `<pool type='rbd' xmlns:rbd='http://libvirt.org/schemas/storagepool/rbd/1.0'>
  <source><name>x</name><host name='h'/></source>
  <rbd:config_opts>
    <rbd:option/>
    <rbd:option name='a'/>
    <rbd:option name='a' value='1'/>
  </rbd:config_opts>
</pool>`, `
4 rbd:config_opts/rbd:option/@name: missing
5 rbd:config_opts/rbd:option/@value: missing for option "a"
6 rbd:config_opts/rbd:option/@name: option "a" is given a second time
`},
		{"a mount option", "<pool type='fs' xmlns:m='http://libvirt.org/schemas/storagepool/fs/1.0'><name>x</name><source><device path='/d'/></source>" +
			target + "\n<m:mount_opts><m:option/></m:mount_opts></pool>",
			"2 fs:mount_opts/fs:option/@name: missing\n"},
		{"no namespace", "<pool type='dir'><name>x</name>" + target + "<fs:mount_opts/></pool>", `
1 fs:mount_opts: the prefix is not declared: xmlns:fs='http://libvirt.org/schemas/storagepool/fs/1.0'
`},
		{"poolctl's own", "<pool type='rbd'>\n<source><name>x</name><host name='h'/></source>\n<?poolctl mount_point='yes'?></pool>", `
3 ?poolctl/@mount_point: pools of type rbd have no directory
`},
		{"poolctl's own, of LVM", "<pool type='dir'><name>x</name>" + target + "\n<?poolctl thin_pool='tp'?></pool>", `
2 ?poolctl/@thin_pool: pools of type dir have no thin pools
`},
		{"a thin pool's name", "<pool type='logical'><name>x</name>\n<?poolctl thin_pool='t/p'?></pool>", `
2 ?poolctl/@thin_pool: "t/p" cannot be the name of a thin pool
`},
		{"poolctl's own login", "<pool type='netfs'><name>x</name>\n<source><host name='h'/><dir path='/d'/>\n<auth type='cifs' username='a,b'><secret usage='x'/></auth></source>" + target + "</pool>", `
3 source/auth/@username: "a,b" must not contain ','
3 source/auth/@type: only netfs pools of format cifs have a login of type cifs
`},
		{"poolctl's own, mistyped", "<pool type='dir'><name>x</name>" + target + "\n<?poolctl mount_point=yes?></pool>", `
2 ?poolctl: expected name='value', not "mount_point=yes"
`},
		{"poolctl's own, misplaced", "<?poolctl mount_point='yes'?><pool type='dir'><name>x</name>" + target + "</pool>", `
1 ?poolctl: it is outside the root element
`},
		{"a control character", "<pool type='dir'><name>x\n</name>\n<target><path>/a&#9;b</path></target></pool>", `
1 name: "x\n" contains a control character, U+000A
3 target/path: "/a\tb" contains a control character, U+0009
`},
	})
}

func TestBadAuth(t *testing.T) {
	for auth, want := range map[string]string{
		"<auth/>": "@type: missing; it is chap, ceph or cifs\n1 source/auth/@username: missing\n" +
			"1 source/auth/secret: missing",
		"<auth type='x' username='u'><secret/></auth>": "@type: \"x\" is not one of chap, " +
			"ceph, cifs\n1 source/auth/secret: neither uuid nor usage is given",
		"<auth type='chap' username='u'><secret uuid='5' usage=''/></auth>": `secret/@uuid: "5" is not a uuid`,
		"<auth type='chap' username='u'><secret " +
			"uuid='5' usage='x'/></auth>": "secret: uuid and usage are both given",
	} {
		checkPools(t, false, []badCase{{auth, "<pool type='iscsi'><name>x</name><source><host name='h'/>" +
			auth + "</source>" + target + "</pool>",
			"1 source/auth/" + want + "\n"}})
	}
}

func TestBadAdapter(t *testing.T) {
	for adapter, want := range map[string]string{
		"":           "source/adapter: missing: pools of type scsi need it",
		"<adapter/>": "source/adapter/@name: missing",
		"<adapter wwnn='1' name='z'/>": "source/adapter/@type: missing: wwnn, wwpn, parent " +
			"and parentaddr need it",
		"<adapter type='default' name='host1'/>": `source/adapter/@type: "default" is not one of scsi_host, fc_host`,
		"<adapter type='scsi_host'/>": "source/adapter: a scsi_host has either a name or the " +
			"address of its parent",
		"<adapter type='scsi_host' name='z'><parentaddr/></adapter>": `source/adapter/parentaddr/@unique_id: missing
1 source/adapter/parentaddr/address: missing: the PCI address
1 source/adapter: a scsi_host has either a name or the address of its parent`,
		"<adapter type='scsi_host'><parentaddr unique_id='0x1'><address domain='x' bus='256' slot='32' function='8'/></parentaddr></adapter>": `source/adapter/parentaddr/@unique_id: "0x1" is not a number from 0 to 2147483647
1 source/adapter/parentaddr/address/@domain: "x" is not a number from 0 to 4294967295
1 source/adapter/parentaddr/address/@bus: "256" is not a number from 0 to 255
1 source/adapter/parentaddr/address/@slot: "32" is not a number from 0 to 31
1 source/adapter/parentaddr/address/@function: "8" is not a number from 0 to 7`,
		"<adapter type='fc_host' wwnn='12' parent_wwpn='0x12' managed='1'/>": `source/adapter/@wwnn: "12" is not a world-wide name: 16 hexadecimal digits
1 source/adapter/@managed: "1" is not one of yes, no
1 source/adapter/@parent_wwpn: "0x12" is not a world-wide name: 16 hexadecimal digits
1 source/adapter/@wwpn: missing: an fc_host needs it
1 source/adapter/@parent_wwnn: missing: parent_wwpn needs it`,
	} {
		checkPools(t, false, []badCase{{adapter, "<pool type='scsi'><name>x</name><source>" + adapter +
			"</source>" + target + "</pool>", "1 " + want + "\n"}})
	}
}

func TestBadYAML(t *testing.T) {
	checkPools(t, false, []badCase{
		{"no mapping", "- type: dir\n", "1 : a definition is a mapping: key: value\n"},
		{"nothing in it", "{}", "1 type: missing; it is one of " + types + "\n"},
		{"unknown type", "foo: 1\ntype: dri\n",
			"1 foo: unknown key; known are type, name, uuid, cow, source, target, refresh, mount_options, config, check\n" +
				`2 type: "dri" is not one of ` + types + "\n"},
		{"much at once", `
type: netfs
name: [x]
nam:
cow: perhaps
source:
  hosts:
    - port: 99999
    - [a]
    - ~
    - {name: a, prt: 5}
  hosts: b
  format: cifs
  protocol: 3
  auth: {username: u, type: pap, secret: {}}
target:
  path: rel
  mode: 0799
  owner: nosuch
  mount_point: maybe
`, `
3 name: expected a single value
4 nam: unknown key; known are type, name, uuid, cow, source, target, refresh, mount_options, config, check
5 cow: "perhaps" is neither yes nor no
8 source.hosts.port: "99999" is not a number from 0 to 65535
8 source.hosts.name: missing
8 source.dir: missing: pools of type netfs need it
9 source.hosts: an item must be a value or a mapping
10 source.hosts: an item must be a value or a mapping
11 source.hosts.prt: unknown key; known are name, port
12 source.hosts: given a second time
14 source.protocol: only netfs pools of format nfs or auto have a protocol version
15 source.auth.type: "pap" is not one of chap, ceph, cifs
15 source.auth.secret: missing
17 target.path: "rel" is not an absolute path
18 target.mode: "0799" is not an octal mode from 0 to 0777
19 target.owner: no user "nosuch" on this machine
20 target.mount_point: "maybe" is neither yes nor no
`},
		{"what netfs needs", "type: netfs\nname: x\nsource: {dir: /x}\n", `
1 target.path: missing
3 source.hosts: missing: pools of type netfs need it
`},
		{"one mistake is one problem", "type: dir\nname: x\ntarget: /t\n",
			"3 target: expected a mapping: key: value\n"},
		{"paths are no keys", "type: dir\nname: x\ntarget: {path: /t}\nsource.dir: /x\n", `
4 source.dir: unknown key; known are hosts, devices, dir, adapter, name, initiator, format, auth, protocol, vendor, product, thin_pool
`},
		{"strange keys", "type: dir\nname: x\ntarget: {path: /t}\n? [a]\n: b\n<<: {uuid: 5}\n~: c\n", `
4 : a key must be a plain word
6 <<: unknown key; known are type, name, uuid, cow, source, target, refresh, mount_options, config, check
7 ~: unknown key; known are type, name, uuid, cow, source, target, refresh, mount_options, config, check
`},
		{"options", "type: rbd\nname: x\nsource: {name: n, hosts: h}\nconfig:\n  a:\n  b: [1]\n  c: 1\n  c: 2\n", `
5 config.a: expected a single value
6 config.b: expected a single value
8 config.c: given a second time
`},
		{"check", "type: dir\nname: x\ntarget: {path: /t}\ncheck:\n  warning: 90:80\n  critical: much\n  skip:\n    drift:\n    inodes: \"\"\n  free: 1G\n", `
5 check.warning: "90:80" is not a range: it ends before it begins
6 check.critical: "much" is not a range: a range is END, START:, START:END or ~:END, with a leading @ to report values in it
8 check.skip.drift: expected a single value
9 check.skip: the reason for leaving out "inodes" is missing
10 check.free: unknown key; known are warning, critical, skip
`},
		{"adapter", "type: scsi\nname: x\ntarget: {path: /t}\nsource:\n  adapter:\n    type: scsi_host\n    name: a\n    unique_id: 5\n    address: {slot: 0x20}\n", `
6 source.adapter: a scsi_host has either a name or the address of its parent
9 source.adapter.address.slot: "0x20" is not a number from 0 to 31
`},
		{"no address", "type: scsi\nname: x\ntarget: {path: /t}\nsource:\n  adapter:\n    type: scsi_host\n    unique_id: 5\n", `
7 source.adapter.address: missing: the PCI address
`},
		{"half a port", "type: scsi\nname: x\ntarget: {path: /t}\nsource:\n  adapter:\n    type: fc_host\n    wwnn: 20000000c9831b4b\n", `
6 source.adapter.wwpn: missing: an fc_host needs it
`},
		{"control characters", "type: dir\nname: \"a\\u0001b\"\ntarget:\n  path: \"/x\\ny\"\n", `
2 name: "a\x01b" contains a control character, U+0001
4 target.path: "/x\ny" contains a control character, U+000A
`},
		{"unused", "type: zfs\nname: x\ncow: yes\nsource:\n  name: tank\n  hosts: [a]\nmount_options: [ro]\ntarget: {path: /x}\n", `
3 cow: only pools of types dir and fs support cow
warning 6 source.hosts: pools of type zfs do not use it, ignored
warning 7 mount_options: pools of type zfs do not use it, ignored
warning 8 target.path: in a pool of type zfs it is always "/dev/zvol/tank", ignored
`},
	})
}

// TestUnknown checks that parts that libvirt would ignore are warnings, and problems with --validate.
func TestUnknown(t *testing.T) {
	document := `<pool type='dir'>
  <name>x</name>
  <name>y</name>
  <description lang='en'><b/></description>
  <source><host name='h' port='x'/></source>
  <target a='1'>
    <path b='2'>/t</path>stray
    <permissions><mode>0700</mode><acl/></permissions>
  </target>
</pool>`
	lines := []string{
		"3 name: given a second time",
		"4 description: unknown element",
		"5 source/host: pools of type dir do not use it",
		"6 target/@a: unknown attribute",
		`6 target: stray text "stray"`,
		"7 target/path/@b: unknown attribute",
		"8 target/permissions/acl: unknown element",
	}
	checkPools(t, false, []badCase{{"warned of", document, "warning " +
		strings.Join(lines, ", ignored\nwarning ") + ", ignored\n"}})
	checkPools(t, true, []badCase{{"refused", document, strings.Join(lines, "\n") + "\n"}})
}

func TestBadVolumes(t *testing.T) {
	for _, c := range []badCase{
		{"another root", "<pool/>", "1 pool: the root element is <pool>, not <volume>\n"},
		{"nothing in it", "<volume/>", "1 name: missing\n1 capacity: missing\n"},
		{"much at once", `<volume type='disk'>
  <name>..</name>
  <capacity unit='Q'>1</capacity>
  <allocation unit='E'>9</allocation>
  <target>
    <format type='none'/>
    <permissions><mode>8</mode></permissions>
    <encryption engine='x'>
      <secret/>
      <secret type='x' uuid='5'/>
      <cipher size='x'/>
      <ivgen/>
    </encryption>
    <compat>1</compat>
    <nocow>1</nocow>
    <clusterSize>99999999999999999999</clusterSize>
    <features><foo/></features>
  </target>
  <backingStore>
    <format type='foo'/>
    <compat>3</compat>
  </backingStore>
</volume>`, `
1 @type: "disk" is not one of file, block, dir, network, netdir, ploop
2 name: "..": a name cannot be . or ..
3 capacity: unknown unit "Q" (known: B, K, KiB, KB, M, G, T, P, E)
4 allocation: 10376293541461622784 bytes is too large: the limit is 9223372036854775807
6 target/format/@type: "none" is not one of raw, dir, bochs, cloop, dmg, iso, vpc, vdi, fat, vhd, ploop, cow, qcow, qcow2, qed, vmdk
7 target/permissions/mode: "8" is not an octal mode from 0 to 0777
8 target/encryption/@engine: "x" is not one of qemu, librbd
8 target/encryption/@format: missing
9 target/encryption/secret: neither uuid nor usage is given
10 target/encryption/secret/@uuid: "5" is not a uuid
10 target/encryption/secret/@type: "x" is not one of passphrase
11 target/encryption/cipher/@size: "x" is not a number from 0 to 65535
11 target/encryption/cipher/@name: missing
12 target/encryption/ivgen/@name: missing
14 target/compat: "1" is not a version such as 1.1
16 target/clusterSize: "99999999999999999999" is too large
17 target/features/foo: unknown feature; known are lazy_refcounts, extended_l2
19 backingStore/path: missing
20 backingStore/format/@type: "foo" is not one of raw, dir, bochs, cloop, dmg, iso, vpc, vdi, fat, vhd, ploop, cow, qcow, qcow2, qed, vmdk
warning 15 target/nocow: stray text "1", ignored
warning 21 backingStore/compat: unknown element, ignored
`},
		{"ivgen alone", "<volume><name>v</name><capacity>1</capacity><target><encryption format='luks'><ivgen " +
			"name='p'/></encryption></target></volume>",
			"1 target/encryption/cipher: missing: an ivgen needs it\n"},
		{"YAML", `
name: "a\tb"
capacity: 10Q
format: none
foo: 1
nocow: perhaps
mode: 8
encryption:
  secrets: [5]
  cipher: {name: x}
cluster_size: [1]
compat: x
backing: {format: foo}
`, `
2 name: "a\tb" contains a control character, U+0009
3 capacity: unknown unit "Q" (known: B, K, KiB, KB, M, G, T, P, E)
4 format: "none" is not one of raw, dir, bochs, cloop, dmg, iso, vpc, vdi, fat, vhd, ploop, cow, qcow, qcow2, qed, vmdk
5 foo: unknown key; known are type, name, capacity, allocation, format, mode, owner, group, label, compat, nocow, cluster_size, lazy_refcounts, extended_l2, encryption, backing
6 nocow: "perhaps" is neither yes nor no
7 mode: "8" is not an octal mode from 0 to 0777
9 encryption.format: missing
9 encryption.secrets.uuid: "5" is not a uuid
10 encryption.cipher.size: missing
11 cluster_size: expected a single value
12 compat: "x" is not a version such as 1.1
13 backing.format: "foo" is not one of raw, dir, bochs, cloop, dmg, iso, vpc, vdi, fat, vhd, ploop, cow, qcow, qcow2, qed, vmdk
13 backing.path: missing
`},
		{"YAML without a size", "name: v\n", "1 capacity: missing\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, warnings, err := ReadVolume("volume", []byte(c.document), pooldef.Dir.Info(), false)
			c.check(t, warnings, err)
		})
	}
}

// TestVolumeFormats checks the volume formats of the pool types. Types without volume formats ignore the
// format, as libvirt does.
func TestVolumeFormats(t *testing.T) {
	for _, c := range []struct {
		pool          pooldef.Type
		format, want  string
		backing, fail string
	}{
		{pooldef.Dir, "", "raw", "", ""},
		{pooldef.Dir, "qcow2", "qcow2", "qcow2", ""},
		{pooldef.Dir, "linux", "", "", "target/format/@type"},
		{pooldef.Disk, "", "none", "", ""},
		{pooldef.Disk, "extended", "extended", "extended", ""},
		{pooldef.Disk, "raw", "", "", "target/format/@type"},
		{pooldef.Logical, "nonsense", "", "", ""},
		{pooldef.RBD, "", "raw", "", ""},
		{pooldef.RBD, "unknown", "unknown", "unknown", ""},
		{pooldef.RBD, "nonsense", "", "", "target/format/@type"},
	} {
		format := "<format type='" + c.format + "'/>"
		v, _, err := ReadVolume("",
			[]byte("<volume><name>v</name><capacity>1</capacity><target>"+format+
				"</target><backingStore><path>/b</path>"+format+"</backingStore></volume>"), c.pool.Info(), false)
		if (err != nil) != (c.fail != "") || err != nil && problemsOf(err)[0].Element != c.fail {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && (v.Target.Format != c.want || v.Backing.Format != c.backing) {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

// TestLongPaths checks that paths and names that are too long for the kernel are refused in definitions, and
// that the problem does not quote them.
func TestLongPaths(t *testing.T) {
	name := strings.Repeat("n", 256)
	for path, want := range map[string]string{
		"/" + name[1:] + "/n" + strings.Repeat("/x", 1918) + "y": "", // 4095 bytes
		strings.Repeat("/x", 2048):                               "the path has 4096 bytes: the limit is 4095",
		strings.Repeat("/x", 1<<17):                              "the path has 262144 bytes: the limit is 4095",

		"/" + name + "/x": "the name has 256 bytes: the limit for a file name is 255",
	} {
		for kind, document := range map[string]string{
			"target/path": "<pool type='dir'><name>x</name><target><path>%s</path></target></pool>",
			"source/dir/@path": "<pool type='netfs'><name>x</name><source><host name='h'/><dir " +
				"path='%s'/></source>" + target + "</pool>",
			"source/device/@path": "<pool type='fs'><name>x</name><source><device path='%s'/></source>" + target +
				"</pool>",
		} {
			_, _, err := ReadPool("", fmt.Appendf(nil, document, path), false)
			expectLong(t, err, kind, want)
		}
		for kind, document := range map[string]string{
			"target/path":       "<volume><name>v</name><capacity>1</capacity><target><path>%s</path></target></volume>",
			"backingStore/path": "<volume><name>v</name><capacity>1</capacity><backingStore><path>%s</path></backingStore></volume>",
		} {
			_, _, err := ReadVolume("", fmt.Appendf(nil, document, path), pooldef.Dir.Info(), false)
			expectLong(t, err, kind, want)
		}
	}
	_, _, err := ReadPool("",
		[]byte("<pool type='rbd'><name>x</name><source><host name='h'/><name>"+name+"</name></source></pool>"),
		false)
	expectLong(t, err, "source/name", "the name has 256 bytes")
	_, _, err = ReadVolume("", []byte("<volume><name>"+name+"</name><capacity>1</capacity></volume>"),
		pooldef.Dir.Info(), false)
	expectLong(t, err, "name", "the name has 256 bytes")
}

// expectLong checks that a definition has exactly one, short problem with this text, or none if text is
// empty.
func expectLong(t *testing.T, err error, element, text string) {
	t.Helper()
	problems := problemsOf(err)
	if text == "" {
		if err != nil {
			t.Errorf("%s: %.200v", element, err)
		}
		return
	}
	if len(problems) != 1 || problems[0].Element != element || !strings.HasPrefix(problems[0].Text, text) ||
		len(problems[0].Text) > 80 {
		t.Errorf("%s: %d problems, %.200v", element, len(problems), err)
	}
}
