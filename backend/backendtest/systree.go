package backendtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A SysTree is a directory tree like the kernel's /sys, for hardware that does not exist. Its root is the
// Root of a host.Local.
type SysTree struct {
	testing.TB
	Root string
}

// NewSysTree returns a tree without devices.
func NewSysTree(t testing.TB) *SysTree {
	s := &SysTree{t, t.TempDir()}
	s.Dir("bus/scsi/devices")
	return s
}

// Dir creates a directory in /sys.
func (s *SysTree) Dir(path string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Join(s.Root, "sys", path), 0o755); err != nil {
		s.Fatal(err)
	}
}

// Write writes files in a directory of /sys. files maps names to contents.
func (s *SysTree) Write(dir string, files map[string]string) {
	s.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		s.Dir(filepath.Dir(path))
		if err := os.WriteFile(filepath.Join(s.Root, "sys", path), []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
}

// Link creates a relative link in /sys, as the kernel does.
func (s *SysTree) Link(path, target string) {
	s.Helper()
	s.Dir(filepath.Dir(path))
	relative, err := filepath.Rel(filepath.Dir(path), target)
	if err == nil {
		err = os.Symlink(relative, filepath.Join(s.Root, "sys", path))
	}
	if err != nil {
		s.Fatal(err)
	}
}

// Remove removes a file or a directory.
func (s *SysTree) Remove(path string) {
	s.Helper()
	if err := os.RemoveAll(filepath.Join(s.Root, "sys", path)); err != nil {
		s.Fatal(err)
	}
}

// Host adds a SCSI host to a device such as devices/pci0000:00/0000:00:1f.2.
func (s *SysTree) Host(device string, number int, uniqueID string) {
	s.Helper()
	name := fmt.Sprintf("host%d", number)
	dir := filepath.Join(device, name, "scsi_host", name)
	s.Write(dir, map[string]string{"unique_id": uniqueID + "\n", "scan": ""})
	s.Link("class/scsi_host/"+name, dir)
}

// Unit adds a unit HOST:CHANNEL:ID:LUN. If block is not empty, the unit has a block device of that name and
// number of sectors.
func (s *SysTree) Unit(name, kind, block string, number, sectors int, page83 string) {
	s.Helper()
	h, rest, _ := strings.Cut(name, ":")
	dir := fmt.Sprintf("devices/test/host%s/target%s:%s/%s", h, h, rest[:strings.LastIndex(rest, ":")], name)
	s.Write(dir, map[string]string{"type": kind + "\n", "vendor": "Linux   \n", "model": "scsi_debug      \n",
		"rescan": ""})
	if page83 != "" {
		s.Write(dir, map[string]string{"vpd_pg83": page83})
	}
	if block != "" {
		s.Write(dir+"/block/"+block, map[string]string{"dev": fmt.Sprintf("8:%d\n", number),
			"size": fmt.Sprintf("%d\n", sectors)})
		s.Link("class/block/"+block, dir+"/block/"+block)
		s.Link("block/"+block, dir+"/block/"+block)
	}
	s.Link("bus/scsi/devices/"+name, dir)
}
