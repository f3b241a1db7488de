package disk

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// sector is what the kernel counts in, in /sys and where it is told of partitions, whatever the disk's own sectors.
const sector = 512

// A device is a disk as the kernel has it.
type device struct {
	path      string // /dev/sda, /dev/mapper/mpatha
	dir       string // in /sys
	separator string // between its name and a partition's number
	isMapped  bool   // by device-mapper: its partitions are mapped, too
}

// device finds a pool's disk, by whatever link it is named.
func (b *Backend) device(p *pooldef.Pool) (*device, error) {
	if len(p.Source.Devices) != 1 {
		return nil, fmt.Errorf("the source has %d devices; a pool of type disk has one", len(p.Source.Devices))
	}
	source := p.Source.Devices[0]
	if !filepath.IsAbs(source.Path) {
		return nil, fmt.Errorf("%q is not the path of a device", source.Path)
	}
	number, err := host.DeviceNumber(source.Path)
	if err != nil {
		return nil, err
	}
	d := &device{path: b.Host.Canonical(source.Path)}
	if d.dir, err = filepath.EvalSymlinks("/sys/dev/block/" + number); err != nil {
		return nil, err
	}
	if readNumber(d.dir+"/size") == 0 { // it was taken out, or a loop device's file was
		return nil, fmt.Errorf("there is no disk in %q: %w", source.Path, fs.ErrNotExist)
	}
	if _, err := os.Stat(d.dir + "/partition"); err == nil {
		return nil, fmt.Errorf("%q is a partition, not a disk", source.Path)
	}
	if name, err := os.ReadFile(d.dir + "/dm/name"); err == nil {
		d.path, d.isMapped = "/dev/mapper/"+strings.TrimSpace(string(name)), true
	}
	d.separator = separator(d, source.PartSeparator)
	return d, nil
}

// separator is p where the name ends in a digit, as the kernel and libparted have it. For mapped devices, whose names udev's rules
// make, it may be asked for.
func separator(d *device, wanted *bool) string {
	if last := d.path[len(d.path)-1]; last >= '0' && last <= '9' || d.isMapped && wanted != nil && *wanted {
		return "p"
	}
	return ""
}

// name is what a partition is called.
func (d *device) name(number int) string { return filepath.Base(d.partition(number)) }

// partition is the path of one.
func (d *device) partition(number int) string {
	return d.path + d.separator + strconv.Itoa(number)
}

// number returns the number in a partition's name, 0 if no partition of the disk has such a name.
func (d *device) number(name string) int {
	number, err := strconv.Atoi(strings.TrimPrefix(name, filepath.Base(d.path)+d.separator))
	if err != nil || number <= 0 || d.name(number) != name {
		return 0
	}
	return number
}

// A piece is a partition as the kernel knows it, in bytes. An extended one has only the room for its table.
type piece struct {
	number     int
	start, end uint64
}

// pieces lists what the kernel knows of a disk's partitions. Those of a mapped disk are not its partitions, but devices.
func (d *device) pieces() ([]piece, error) {
	files, err := filepath.Glob(d.dir + "/*/partition")
	var all []piece
	for _, f := range files {
		x := piece{number: int(readNumber(f)), start: readNumber(filepath.Dir(f)+"/start") * sector}
		x.end = x.start + readNumber(filepath.Dir(f)+"/size")*sector
		if x.number > 0 {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(x, y piece) int { return x.number - y.number })
	return all, err
}

// readNumber returns the number in a file of /sys, 0 if that has just gone.
func readNumber(file string) uint64 {
	data, _ := os.ReadFile(file)
	n, _ := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return n
}

// names tell what a device is called in a pool.
type names func(path string) string

// names are those that a pool's target directory has for devices, of each the first, as with libvirt.
func (b *Backend) names(p *pooldef.Pool) names {
	dir := filepath.Clean(p.Target.Path)
	found := map[string]string{}
	if strings.HasPrefix(dir, "/dev/") {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if real := b.Host.Canonical(path); found[real] == "" {
				found[real] = path
			}
		}
	}
	return func(path string) string { return cmp.Or(found[b.Host.Canonical(path)], path) }
}
