package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend/host"
)

// TestGeneratorLog checks what the generator writes to the kernel's log: one short line for each thing that
// is wrong, whatever is in the definitions.
func TestGeneratorLog(t *testing.T) {
	write := func(config, name, text string) {
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = "<pool type='dir'><name>good</name><target><path>/srv</path></target></pool>"
	for _, test := range []struct {
		name    string
		prepare func(config string) error
		want    []string // the beginning of each line
		units   int
	}{
		{"empty", func(string) error { return nil }, nil, 0},
		{"missing", os.Remove, nil, 0},
		{"a file", func(config string) error {
			if err := os.Remove(config); err != nil {
				return err
			}
			return os.WriteFile(config, nil, 0o600)
		}, []string{"open CONFIG: not a directory"}, 0},
		{"others may write", func(config string) error { return os.Chmod(config, 0o777) },
			[]string{"CONFIG is not trusted: other users can change it (mode 0777)"}, 0},
		{"broken", func(config string) error {
			write(config, "good.xml", good)
			write(config, "x\n\x1b.xml", good)
			write(config, "twice.xml", good)
			write(config, "twice.yaml", "")
			write(config, "many.xml", "<pool type='dir'>"+strings.Repeat("<a\n/>", 1000)+"</pool>")
			write(config, "owner.xml", good)
			return os.Chmod(filepath.Join(config, "owner.xml"), 0o666)
		}, []string{
			`CONFIG/many.xml:1: `, `pool "owner" cannot be used: CONFIG/owner.xml is not trusted`,
			`CONFIG/twice.xml`, `CONFIG: "x\n\x1b"`,
		}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("NOT TESTED without root: whom the generator trusts")
			}
			config, units := t.TempDir(), t.TempDir()
			if err := test.prepare(config); err != nil {
				t.Fatal(err)
			}
			t.Setenv("POOLCTL_CONFIG_DIR", config)
			var log strings.Builder
			generate(&host.Local{}, []string{units}, &log)
			lines := strings.SplitAfter(log.String(), "\n")
			lines = lines[:len(lines)-1]
			if len(lines) != len(test.want) {
				t.Fatalf("%d lines: %q", len(lines), lines)
			}
			for i, line := range lines {
				want := "<28>poolctl-generator: " + strings.ReplaceAll(test.want[i], "CONFIG", config)
				if !strings.HasPrefix(line, want) || len(line) > 1000 {
					t.Errorf("%q, wanted %q", line, want)
				}
			}
			made, err := os.ReadDir(units)
			if len(made) != test.units || err != nil {
				t.Errorf("%v, %v", made, err)
			}
		})
	}
}
