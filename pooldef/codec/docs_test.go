package codec

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"poolctl/pooldef"
)

var (
	// example matches a fenced block and the paragraph before it, which describes the block.
	example = regexp.MustCompile("(?m)^((?:The same|A) (?:pool|volume|secret) [^`]*`([a-z-]+)`(?:.+\n)+)\n" +
		"```(yaml|xml)\n((?:.*\n)+?)```$")
	fence = regexp.MustCompile("(?m)^```(yaml|xml)$")
)

// TestManualExamples checks that every example of the manual is a definition without problems or warnings,
// and that each pool type has one in YAML.
func TestManualExamples(t *testing.T) {
	manual, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllStringSubmatch(string(manual), -1)
	if all := len(fence.FindAllString(string(manual), -1)); all != len(examples) {
		t.Errorf("%d blocks, but %d with a description", all, len(examples))
	}
	seen := map[pooldef.Type]bool{}
	for _, m := range examples {
		what, typ, language, text := m[1], pooldef.Type(m[2]), m[3], m[4]
		if strings.Contains(what, "volume in a pool") {
			readVolumeFile(t, "example."+language, []byte(text), typ.Info())
			continue
		}
		if strings.Contains(what, " secret ") {
			if s := readSecret(t, "example."+language, text); s.UsageType != string(typ) {
				t.Errorf("%s\nis of type %s", what, s.UsageType)
			}
			continue
		}
		p := readPoolFile(t, "example."+language, []byte(text))
		if p.Type != typ {
			t.Errorf("%s\nis of type %s", what, p.Type)
		}
		if language == "yaml" {
			seen[typ] = true
		}
		checkRoundTrip(t, p)
	}
	for _, info := range pooldef.Types {
		if !seen[info.Type] {
			t.Errorf("no example of type %s", info.Type)
		}
	}
}

// TestManualKeys checks that the manual lists every key, and what each pool type requires.
func TestManualKeys(t *testing.T) {
	data, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(data)
	pools, rest, _ := strings.Cut(manual, "## Keys of a volume")
	volumes, secrets, _ := strings.Cut(rest, "## Keys of a secret")
	for text, keys := range map[string][]yamlKey{pools: poolKeys, volumes: volumeKeys, secrets: secretKeys} {
		for _, k := range keys {
			if !strings.Contains(text, "\n| `"+k.yaml+"` |") {
				t.Errorf("no row for %s", k.yaml)
			}
		}
	}
	for _, info := range pooldef.Types {
		row := regexp.MustCompile("(?m)^\\| `" + string(info.Type) +
			"` \\|(.*)\\|(.*)\\|(.*)\\|$").FindStringSubmatch(manual)
		if row == nil {
			t.Errorf("no row for type %s", info.Type)
			continue
		}
		for part, need := range map[string]pooldef.Need{
			"source.hosts": info.Host, "source.devices": info.Device, "source.dir": info.Dir,
			"source.adapter": info.Adapter, "source.name": info.Name, "source.initiator": info.Initiator,
			"cow": info.COW, "mount_options": info.MountOpts,
		} {
			required, optional := strings.Contains(row[1], part), strings.Contains(row[2], part)
			if required != (need == pooldef.Required) || optional != (need == pooldef.Optional) {
				t.Errorf("%s: %s contradicts the row", info.Type, part)
			}
		}
		if strings.Contains(row[1], "target.path") != (info.Target == pooldef.Required) {
			t.Errorf("%s: target.path contradicts the row", info.Type)
		}
		got := strings.ReplaceAll(strings.TrimSpace(row[3]), "`"+info.DefaultFormat()+"`",
			info.DefaultFormat())
		if want := strings.Join(info.Formats, " "); got != want {
			t.Errorf("%s: formats %s, want %s", info.Type, got, want)
		}
	}
}
