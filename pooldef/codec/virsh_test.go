package codec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"poolctl/pooldef"
)

// needsProgram skips a test that runs a program of libvirt, if it is missing. With POOLCTL_TEST_ALL, the test
// fails.
func needsProgram(t *testing.T, program, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	text := fmt.Sprintf("NOT TESTED: there is no %s (package %s) to compare with", program, debianPackage)
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// virsh runs commands with the test driver, which needs no daemon, and returns standard output and standard
// error.
func virsh(commands ...string) string {
	out, _ := exec.Command("virsh", "-q", "-c", "test:///default",
		strings.Join(commands, "; ")).CombinedOutput()
	return string(out)
}

// extensions matches what the test driver does not know: it reads neither namespace.
var extensions = regexp.MustCompile(`(?s) xmlns:\w+='[^']*'|  <(fs|rbd):\w+_opts>.*</(fs|rbd):\w+_opts>\n|  <\?poolctl .*?\?>\n`)

// TestVirshPools checks that poolctl prints definitions byte for byte as virsh does.
func TestVirshPools(t *testing.T) {
	needsProgram(t, "virsh", "libvirt-clients")
	pools := poolFiles(t, ".xml")
	for name, data := range seedPools(t) {
		pools[name] = data
	}
	for name, data := range pools {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := readPoolFile(t, name+".xml", data)
			out := virsh("pool-define "+definitions+name+".xml", "pool-dumpxml "+p.Name)
			if p.UUID == "" { // virsh made one
				p.UUID = regexp.MustCompile(`(?s)<uuid>(.*)</uuid>|$`).FindStringSubmatch(out)[1]
			}
			if got := extensions.ReplaceAllString(PoolElement(p, testSpace).String(), ""); got != out {
				t.Errorf("poolctl\n%s\nvirsh\n%s", got, out)
			}
		})
	}
}

// virshPools are pools in which the test driver creates volumes.
var virshPools = map[pooldef.Type]string{
	pooldef.Dir: "<pool type='dir'><name>p</name><target><path>/srv/images</path></target></pool>",
	pooldef.Disk: "<pool type='disk'><name>p</name><source><device " +
		"path='/dev/sda'/></source><target><path>/dev</path></target></pool>",
	pooldef.Logical: "<pool type='logical'><name>p</name><source><name>HostVG</name></source></pool>",
}

func TestVirshVolumes(t *testing.T) {
	needsProgram(t, "virsh", "libvirt-clients")
	for name, data := range files(t, "volume-*.xml") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := volumeType(name)
			v := readVolumeFile(t, name, data, info)
			pool, volume := filepath.Join(t.TempDir(), "pool.xml"), definitions+name+".xml"
			if err := os.WriteFile(pool, []byte(virshPools[info.Type]), 0o600); err != nil {
				t.Fatal(err)
			}
			out := virsh("pool-create "+pool, "vol-create p "+volume, "vol-dumpxml "+v.Name+" p")
			if got := VolumeElement(v).String(); got != out {
				t.Errorf("poolctl\n%s\nvirsh\n%s", got, out)
			}
		})
	}
}

// TestSchema checks that printed documents pass libvirt's schema, where those of libvirt do.
func TestSchema(t *testing.T) {
	needsProgram(t, "virt-xml-validate", "libvirt-clients")
	needsProgram(t, "xmllint", "libxml2-utils")
	stricter := map[string]string{"seed-zfs": "libvirt's schema allows one device, its parser and zfs more"}
	documents := map[string]string{}
	for name, data := range files(t, "*.xml") {
		if strings.Contains(name, "volume-") {
			documents["volume "+name] = VolumeElement(readVolumeFile(t, name, data,
				volumeType(name))).String()
		} else if stricter[name] == "" {
			documents["pool "+name] = PoolElement(readPoolFile(t, name, data), nil).String()
		}
	}
	for name, document := range documents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, _, _ := strings.Cut(name, " ")
			file := filepath.Join(t.TempDir(), "document.xml")
			if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
				t.Fatal(err)
			}
			schema := map[string]string{"pool": "storagepool", "volume": "storagevol"}[kind]
			if out, err := exec.Command("virt-xml-validate", file, schema).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, document)
			}
		})
	}
}
