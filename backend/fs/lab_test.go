package fs

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
)

// needsTool ends a test of what a program makes that is not installed.
func needsTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		backendtest.NotRun(t, "what "+name+" makes")
	}
}

// TestFormats builds, starts, uses and stops a pool of each format that can be made, with the kernel that has them all.
func TestFormats(t *testing.T) {
	backendtest.NeedsLab(t, "the formats that few kernels have")
	for format := range formatters {
		t.Run(format, func(t *testing.T) {
			needsTool(t, formatters[format].tool)
			backendtest.Change(t, host.Cmd("modprobe", format))
			b, p := started(t, format)
			isActive(t, b, p, true)
			if err := os.WriteFile(p.Target.Path+"/file", []byte("data"), 0o600); err != nil {
				t.Error(err)
			}
			if space, err := b.Space(t.Context(), p); err != nil || space.Capacity == 0 {
				t.Errorf("%+v, error %v", space, err)
			}
			if err := b.Stop(t.Context(), p); err != nil {
				t.Error(err)
			}
			if err := b.Build(t.Context(), p, backend.BuildOptions{Overwrite: true}); err != nil {
				t.Errorf("made again: %v", err)
			}
		})
	}
}

// TestImages starts pools on what others have made: the formats that have no mkfs here.
func TestImages(t *testing.T) {
	backendtest.NeedsLab(t, "the formats that few kernels have")
	for format, make := range map[string]string{
		"iso9660": `genisoimage -quiet -R -o "$2" "$1"`,
		"hfs+":    `xorriso -as mkisofs -hfsplus -o "$2" "$1"`,
		"ufs":     `makefs -t ffs -s 64m "$2" "$1"`,
	} {
		t.Run(format, func(t *testing.T) {
			needsTool(t, strings.Fields(make)[0])
			p, b := newPool(t, format), New(&host.Local{}, nil)
			source := t.TempDir()
			image := t.TempDir() + "/image"
			module := map[string]string{"iso9660": "isofs", "hfs+": "hfsplus", "ufs": "ufs"}[format]
			backendtest.Change(t, host.WriteFile{Path: source + "/hello", Data: []byte("hello")}, host.Cmd("modprobe", module),
				host.Cmd("sh", "-c", make, "sh", source, image), host.Cmd("dd", "if="+image, "of="+p.Source.Devices[0].Path, "bs=1M", "conv=notrunc"))
			if format == "ufs" {
				p.MountOptions = []string{"ro", "ufstype=44bsd"}
			}
			for _, err := range []error{b.Build(t.Context(), p, backend.BuildOptions{}), b.Start(t.Context(), p)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if data, err := os.ReadFile(p.Target.Path + "/hello"); string(data) != "hello" {
				t.Error(data, err)
			}
			if err := b.Stop(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
}
