package disk

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// sector is the unit of the kernel's interfaces, in /sys and in the partition calls, whatever the disk's own
// sector size.
const sector = 512

// A device is a disk as the kernel knows it.
type device struct {
	path      string // /dev/sda, /dev/mapper/mpatha
	sys       fs.FS
	dir       string // in sys
	separator string // between the disk's name and a partition's number
	isMapped  bool   // by device-mapper, which also maps the partitions
}

// device finds a pool's disk. The definition may name it by any link.
func (b *Backend) device(p *pooldef.Pool) (*device, error) {
	if err := b.CheckDefinition(p); err != nil {
		return nil, err
	}
	source := p.Source.Devices[0]
	number, err := b.Host.DeviceNumber(source.Path)
	if err != nil {
		return nil, err
	}
	d := &device{path: b.Host.Canonical(source.Path), sys: b.Host.Sys(), dir: "dev/block/" + number}
	if d.readNumber("size") == 0 { // a removed medium, or a loop device without a file
		return nil, fmt.Errorf("%q has no disk: %w", source.Path, fs.ErrNotExist)
	}
	if _, err := fs.Stat(d.sys, d.dir+"/partition"); err == nil {
		return nil, fmt.Errorf("%q is a partition, not a disk", source.Path)
	}
	if name := host.ReadSys(d.sys, d.dir, "dm/name"); name != "" {
		d.path, d.isMapped = "/dev/mapper/"+name, true
	}
	d.separator = separator(d, source.PartSeparator)
	return d, nil
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	if len(p.Source.Devices) != 1 {
		return pooldef.Problems{{
			Element: "source/device",
			Text:    fmt.Sprintf("%d devices are given; a pool of type disk has one", len(p.Source.Devices)),
		}}
	}
	if path := p.Source.Devices[0].Path; !filepath.IsAbs(path) {
		return pooldef.Problems{{
			Element: "source/device/@path", Text: fmt.Sprintf("%q is not the path of a device", path),
		}}
	}
	return nil
}

// sysPath returns the disk's directory in /sys, for locks.
func (d *device) sysPath() string { return "/sys/" + d.dir }

// separator returns "p" if the disk's name ends in a digit, as the kernel and libparted do. For mapped
// devices, whose partitions udev's rules name, the definition can request it.
func separator(d *device, wanted *bool) string {
	if last := d.path[len(d.path)-1]; last >= '0' && last <= '9' || d.isMapped && wanted != nil && *wanted {
		return "p"
	}
	return ""
}

// name returns the name of a partition.
func (d *device) name(number int) string { return filepath.Base(d.partition(number)) }

// partition returns the path of a partition.
func (d *device) partition(number int) string {
	return d.path + d.separator + strconv.Itoa(number)
}

// number returns the number in a partition's name, or 0 if the disk cannot have a partition of that name.
func (d *device) number(name string) int {
	number, err := strconv.Atoi(strings.TrimPrefix(name, filepath.Base(d.path)+d.separator))
	if err != nil || number <= 0 || d.name(number) != name {
		return 0
	}
	return number
}

// A kernelPartition is a partition as the kernel knows it, in bytes. For an extended partition, the kernel
// has only the size of its table.
type kernelPartition struct {
	number     int
	start, end uint64
}

// kernelPartitions returns the partitions of a disk that the kernel knows. Partitions of a mapped disk are
// not among them: the kernel has them as separate devices.
func (d *device) kernelPartitions() ([]kernelPartition, error) {
	files, done := host.OpenSysDir(d.sys, d.dir)
	defer done()
	entries, err := fs.ReadDir(files, ".")
	var all []kernelPartition
	for _, e := range entries {
		name := strings.TrimRight(e.Name(), "0123456789")
		number, _ := strconv.Atoi(e.Name()[len(name):]) // as in sda1, nvme0n1p1
		if number == 0 {
			continue
		}
		if size := readNumber(files, e.Name()+"/size") * sector; size > 0 {
			start := readNumber(files, e.Name()+"/start") * sector
			all = append(all, kernelPartition{number, start, start + size})
		}
	}
	slices.SortFunc(all, func(x, y kernelPartition) int { return x.number - y.number })
	return all, err
}

// readNumber returns the number in a file of the disk's directory in /sys, or 0 if the file does not exist.
func (d *device) readNumber(name string) uint64 { return readNumber(d.sys, d.dir+"/"+name) }

func readNumber(files fs.FS, name string) uint64 {
	n, _ := strconv.ParseUint(host.ReadSys(files, name), 10, 64)
	return n
}

// A namer returns the path that a pool uses for a device.
type namer func(path string) string

// namer returns a namer for a pool. It uses the links in the pool's target directory, and of several links
// the first, as libvirt does.
func (b *Backend) namer(p *pooldef.Pool) namer {
	dir := filepath.Clean(p.Target.Path)
	var links map[string][]string
	if strings.HasPrefix(dir, "/dev/") {
		links, _ = b.Host.DeviceLinks(dir)
	}
	if len(links) == 0 {
		return func(path string) string { return path }
	}
	return func(path string) string {
		if names := links[filepath.Base(b.Host.Canonical(path))]; len(names) > 0 {
			return filepath.Join(dir, names[0])
		}
		return path
	}
}
