package scsivol

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// devices is the directory in /sys with the units of all hosts, by HOST:CHANNEL:ID:LUN, and other devices
// (Documentation/scsi/scsi.rst of the kernel).
const devices = "bus/scsi/devices"

// A unit is a disk or CD-ROM of a SCSI host.
type unit struct {
	host    int
	address string // CHANNEL:ID:LUN
	name    string // of its block device, such as sda; empty: no driver has it yet
	size    uint64 // in bytes
	wrong   error  // why the size is invalid
	id      identity
	path    string // the volume's path; empty: none
	fibre   bool   // connected through a virtual Fibre Channel port
}

// The types of units that are volumes (SPC, peripheral device types).
const (
	disk = "0"
	rom  = "5"
)

var isUnit = lazy.Regexp(`^(\d+):(\d+:\d+:\d+)$`)

// parseAddress parses the name of a device of the SCSI bus.
func parseAddress(name string) (number int, address string, ok bool) {
	m := isUnit().FindStringSubmatch(name)
	if m == nil {
		return 0, "", false
	}
	number, err := strconv.Atoi(m[1])
	return number, m[2], err == nil
}

// readUnit returns a unit with a known block device, or nil if it is not a volume or has disappeared.
func readUnit(sys fs.FS, name string, number int, address, block string) *unit {
	dir := devices + "/" + name
	if kind := host.ReadSys(sys, dir, "type"); kind != disk && kind != rom {
		return nil
	}
	u := &unit{host: number, address: address, id: identify(sys, dir), name: block}
	if block != "" {
		u.size, u.wrong = backend.ParseSectors(block, host.ReadSys(sys, dir, "block", block, "size"))
	}
	return u
}

// blockDevices maps the names of units to their block devices. A unit's name precedes /block/ in the path of
// its block device.
func blockDevices(sys fs.FS) (map[string]string, error) {
	entries, err := fs.ReadDir(sys, "class/block")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	found := map[string]string{}
	for _, e := range entries {
		place, _ := fs.ReadLink(sys, "class/block/"+e.Name())
		if dir, ok := strings.CutSuffix(place, "/block/"+e.Name()); ok {
			found[path.Base(dir)] = e.Name()
		}
	}
	return found, err
}

// compareUnits compares units by their volumes' names.
func compareUnits(u, v *unit) int {
	return cmp.Or(pooldef.CompareNames(u.volumeName(), v.volumeName()), cmp.Compare(u.host, v.host))
}

func (u *unit) volumeName() string { return "unit:" + u.address }

// key returns the output of scsi_id(8), as libvirt does, or the path if the unit has no identifier.
func (u *unit) key() string {
	switch {
	case u.id.serial == "":
		return u.path
	case u.fibre && u.id.port != "":
		return u.id.serial + "_PORT" + u.id.port
	}
	return u.id.serial
}

func (u *unit) volume() *pooldef.Volume {
	size := pooldef.Bytes(u.size)
	return &pooldef.Volume{
		Type:       "block",
		Name:       u.volumeName(),
		Key:        u.key(),
		Capacity:   size,
		Allocation: size,
		Physical:   size,
		Target:     pooldef.VolumeTarget{Path: u.path},
	}
}

func (u *unit) details(d blockvol.Devices) *pooldef.Volume {
	v := u.volume()
	err := d.StatDevice(&v.Target, u.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("no device %q", u.path)
	}
	if v.Err = err; u.size == 0 {
		v.Err = u.goneError()
	}
	return v
}

// goneError returns the error for a unit without a valid size. The kernel keeps units that have been removed.
func (u *unit) goneError() error {
	if u.wrong != nil {
		return u.wrong
	}
	return &backend.StateError{
		Text: fmt.Sprintf("%q has no size: its LUN was removed, or has no medium", u.path),
	}
}
