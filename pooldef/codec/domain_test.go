package codec

import (
	"slices"
	"strings"
	"testing"

	"poolctl/pooldef"
)

// TestReadDomain checks which references to storage a domain has, wherever they are.
func TestReadDomain(t *testing.T) {
	const text = `<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name> vm </name>
  <os><loader readonly='yes'>/fw/code.fd</loader><nvram template='/fw/vars.fd'>/fw/vm.fd</nvram></os>
  <devices>
    <disk type='file'><source file='/a'><dataStore type='file'><source file='/d'/></dataStore></source>
      <backingStore type='file'><source file='/b'/><backingStore type='block'><source dev='/dev/c'/></backingStore></backingStore>
      <mirror type='file' file='/m'><source file='/m'/></mirror><target dev='vda'/></disk>
    <disk type='volume'><source pool='p' volume='v'/><target dev='vdb'/></disk>
    <disk type='network'><source protocol='rbd' name='pool/i'/><target dev='vdc'/></disk>
    <filesystem type='mount'><source dir='/share'/><target dir='tag'/></filesystem>
    <hostdev mode='capabilities' type='storage'><source><block>/dev/x</block></source></hostdev>
    <serial type='file'><source path='/log'/><target port='0'/></serial>
  </devices>
  <qemu:commandline><qemu:arg value='-blockdev'/><qemu:arg value='{"driver":"file","filename":"/q.img"}'/></qemu:commandline>
</domain>`
	path := func(path, as string) pooldef.DomainUse { return pooldef.DomainUse{Path: path, As: as} }
	want := []pooldef.DomainUse{
		path("/fw/code.fd", "loader"), path("/fw/vars.fd", "nvram"), path("/fw/vm.fd", "nvram"),
		path("/a", "vda"), path("/d", "vda"), path("/b", "vda"), path("/dev/c", "vda"),
		path("/m", "vda"), path("/m", "vda"),
		{Pool: "p", Volume: "v", As: "vdb"}, {Protocol: "rbd", Image: "pool/i", As: "vdc"},
		path("/share", "filesystem"), path("/dev/x", "hostdev"), path("/log", "serial"), path("/q.img", "arg"),
	}
	for _, document := range []string{text, "<!-- x --><domstatus><a file='/no'/>" + text + "<b file='/no'/></domstatus>"} {
		domain, err := ReadDomain("vm.xml", []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		if domain.Name != "vm" || domain.Running == strings.HasPrefix(document, "<domain") {
			t.Errorf("%+v", domain)
		}
		if !slices.Equal(domain.Uses, want) {
			t.Errorf("got\n%v, want\n%v", domain.Uses, want)
		}
	}
}

// TestReadHostileDomain checks that documents that libvirt would not write are errors with a line, or mean
// nothing.
func TestReadHostileDomain(t *testing.T) {
	for name, test := range map[string]struct{ text, err string }{
		"empty":     {"", "vm.xml:1: it defines no domain"},
		"other":     {"<network><name>x</name></network>", "vm.xml:1: it defines no domain"},
		"malformed": {"<domain>\n<name>x</domain>", "vm.xml:2: malformed XML: element <name> closed by </domain>"},
		"truncated": {"<domain><name>x</name>", "vm.xml:1: malformed XML: unexpected EOF"},
		"entities": {`<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><domain><name>&b;</name></domain>`,
			"vm.xml:1: malformed XML: invalid character entity &b;"},
		"deep":  {"<domain>" + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + "</domain>", ""},
		"paths": {"<domain>" + strings.Repeat("<a b='/x' c='/y'/>", 200_000) + "</domain>", ""},
		"many disks": {"<domain><devices><disk>" + strings.Repeat("<a b='/x'/>", 200_000) + "</disk></devices></domain>",
			"more than 100000 paths"},
		"second": {"<domain><name>x</name></domain><domain><name>y</name></domain>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadDomain("vm.xml", []byte(test.text))
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Error(err)
			}
		})
	}
}
