package codec

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

const definitions = "../../testdata/definitions/"

// files returns the definitions whose files match a pattern, by file name without suffix.
func files(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(definitions + pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	found := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))] = data
	}
	return found
}

// poolFiles returns the pool definitions that exist in XML and YAML, as they are printed.
func poolFiles(t testing.TB, suffix string) map[string][]byte {
	found := files(t, "*"+suffix)
	for name := range found {
		if strings.HasPrefix(name, "volume-") || strings.HasPrefix(name, "seed-") {
			delete(found, name)
		}
	}
	return found
}

// seedPools returns the examples of libvirt's page on storage management, unchanged.
func seedPools(t testing.TB) map[string][]byte {
	found := files(t, "seed-*.xml")
	for name := range files(t, "seed-volume-*.xml") {
		delete(found, name)
	}
	return found
}

// volumeType returns the pool type of a volume's file, whose name is volume-TYPE-name or seed-volume-TYPE.
func volumeType(name string) *pooldef.TypeInfo {
	name = strings.TrimPrefix(name, "seed-")
	return pooldef.Type(strings.Split(name, "-")[1]).Info()
}

func readPoolFile(t testing.TB, file string, data []byte) *pooldef.Pool {
	t.Helper()
	p, warnings, err := ReadPool(file, data, false)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%s: %v %v", file, err, warnings)
	}
	return p
}

func readVolumeFile(t testing.TB, file string, data []byte, info *pooldef.TypeInfo) *pooldef.Volume {
	t.Helper()
	v, warnings, err := ReadVolume(file, data, info, false)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%s: %v %v", file, err, warnings)
	}
	return v
}

// testSpace is the space of every new pool in virsh's test driver.
var testSpace = &pooldef.Space{Capacity: 100 << 30, Available: 100 << 30}

// TestPoolFiles checks the example of every pool type: XML as virsh prints it (TestVirshPools), YAML as
// poolctl prints it, and both with the same content.
func TestPoolFiles(t *testing.T) {
	inYAML := poolFiles(t, ".yaml")
	seen := map[pooldef.Type]bool{}
	for name, data := range poolFiles(t, ".xml") {
		t.Run(name, func(t *testing.T) {
			p := readPoolFile(t, name+".xml", data)
			seen[p.Type] = true
			if got := PoolElement(p, testSpace).String(); got != string(data) {
				t.Errorf("printed\n%s\nfrom\n%s", got, data)
			}
			if fromYAML := readPoolFile(t, name+".yaml", inYAML[name]); !reflect.DeepEqual(p, fromYAML) {
				t.Errorf("XML\n%+v\nYAML\n%+v", p, fromYAML)
			}
			if got, err := PoolYAML(p); err != nil || string(got) != string(inYAML[name]) {
				t.Errorf("%v: printed\n%s\nfrom\n%s", err, got, inYAML[name])
			}
		})
	}
	for _, info := range pooldef.Types {
		if !seen[info.Type] {
			t.Errorf("no example of type %s", info.Type)
		}
	}
}

// TestVolumeFiles checks volumes in XML as virsh prints them (TestVirshVolumes), and the same in YAML, except
// key and path, which depend on the pool.
func TestVolumeFiles(t *testing.T) {
	inYAML := files(t, "volume-*.yaml")
	for name, data := range files(t, "volume-*.xml") {
		t.Run(name, func(t *testing.T) {
			v := readVolumeFile(t, name+".xml", data, volumeType(name))
			if got := VolumeElement(v).String(); got != string(data) {
				t.Errorf("printed\n%s\nfrom\n%s", got, data)
			}
			fromYAML := readVolumeFile(t, name+".yaml", inYAML[name], volumeType(name))
			fromYAML.Key, fromYAML.Target.Path = v.Key, v.Target.Path
			if !reflect.DeepEqual(v, fromYAML) {
				t.Errorf("XML\n%+v\nYAML\n%+v", v, fromYAML)
			}
		})
	}
}

// TestSeedPools checks that printing libvirt's examples loses nothing, and adds only what is listed here.
func TestSeedPools(t *testing.T) {
	added := map[string][]string{
		"":             {"capacity", "allocation", "available"},
		"seed-dir":     {"source"},
		"seed-fs":      {"source/format"},
		"seed-logical": {"source/name", "source/format"},
		"seed-disk":    {"source/format"},
		"seed-scsi":    {"source/adapter/@type"},
		"seed-mpath":   {"source"},
		"seed-zfs":     {"target"},
	}
	pools := seedPools(t)
	if len(pools) != 13 {
		t.Errorf("%d pools", len(pools))
	}
	for name, data := range pools {
		t.Run(name, func(t *testing.T) {
			before, _, err := parseXML(data)
			if err != nil {
				t.Fatal(err)
			}
			p := readPoolFile(t, name+".xml", data)
			after := PoolElement(p, nil)
			if lost := findMissing(before, after, ""); len(lost) > 0 {
				t.Errorf("lost %v", lost)
			}
			got, want := findMissing(after, before, ""),
				slices.Concat(added[""], added[name])
			if !slices.Equal(got, want) {
				t.Errorf("added %v, want %v", got, want)
			}
			text, err := PoolYAML(p)
			if err != nil {
				t.Fatal(err)
			}
			if fromYAML := readPoolFile(t, name+".yaml", text); !reflect.DeepEqual(p, fromYAML) {
				t.Errorf("YAML\n%s", text)
			}
		})
	}
}

// TestSeedVolumes checks that printing libvirt's example volumes loses only what libvirt does not read
// either.
func TestSeedVolumes(t *testing.T) {
	notRead := map[string][]string{ // extents are output only; volumes of sheepdog have no format
		"seed-volume-rbd":      {"source"},
		"seed-volume-sheepdog": {"source", "target/format"},
		"seed-volume-gluster":  {"source"},
	}
	for name, data := range files(t, "seed-volume-*.xml") {
		before, _, err := parseXML(data)
		if err != nil {
			t.Fatal(err)
		}
		after := VolumeElement(readVolumeFile(t, name, data, volumeType(name)))
		if lost := findMissing(before, after, ""); !slices.Equal(lost, notRead[name]) {
			t.Errorf("%s: lost %v, want %v", name, lost, notRead[name])
		}
	}
}

// findMissing lists what is in tree from but not in tree in. Elements with the same name are compared in
// order: first with first, second with second.
func findMissing(from, in *xmltree.Element, path string) []string {
	var paths []string
	report := func(name string) { paths = append(paths, strings.TrimPrefix(path+"/"+name, "/")) }
	for _, a := range from.Attrs {
		if i := attrIndex(in, a.Name); i < 0 || in.Attrs[i].Value != a.Value {
			report("@" + a.Name)
		}
	}
	if strings.TrimSpace(from.Text) != strings.TrimSpace(in.Text) {
		report("text()")
	}
	count := map[string]int{}
	for _, c := range from.Children {
		same := findElements(in, c.Name)
		if n := count[c.Name]; n < len(same) {
			paths = append(paths, findMissing(c, same[n], strings.TrimPrefix(path+"/"+c.Name, "/"))...)
		} else {
			report(c.Name)
		}
		count[c.Name]++
	}
	return paths
}
