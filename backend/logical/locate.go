package logical

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/host"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// isKey reports whether a string has the form of a volume's UUID.
var isKey = lazy.Regexp(`^[0-9a-zA-Z]{6}(-[0-9a-zA-Z]{4}){5}-[0-9a-zA-Z]{6}$`)

// Locate implements backend.Locator. It finds a volume by /dev/GROUP/NAME, by /dev/mapper/GROUP-NAME, by any
// path to the device of an active volume, and by key. Only a key needs a query of LVM, the same as Volume.
func (b *Backend) Locate(ctx context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	vg, err := group(p)
	if err != nil {
		return "", false
	}
	if isKey().MatchString(pathOrKey) {
		all, err := b.allVolumes(ctx, p, allFields)
		i := slices.IndexFunc(all, func(v *logicalVolume) bool { return v.UUID == pathOrKey })
		if err != nil || i < 0 || !all[i].isVolume() {
			return "", false
		}
		return volumeName(all[i].Name)
	}
	path, err := filepath.Abs(pathOrKey)
	if err != nil || pathOrKey == "" {
		return "", false
	}
	if name, ok := strings.CutPrefix(path, dir(vg)+"/"); ok {
		return volumeName(name)
	}
	if name, ok := strings.CutPrefix(path, "/dev/mapper/"); ok {
		return mapperVolume(vg, name)
	}
	number, err := b.Host.DeviceNumber(path)
	if err != nil || !strings.HasPrefix(b.uuidOf(number), "LVM-") {
		return "", false
	}
	return mapperVolume(vg, host.ReadSys(b.Host.Sys(), "dev/block", number, "dm/name"))
}

// mapperVolume returns the volume of a group that has the given device-mapper name. In that name, a dash
// separates the group from the volume, and other dashes are doubled (lvm(8), device-mapper names).
func mapperVolume(vg, name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, strings.ReplaceAll(vg, "-", "--")+"-")
	plain := strings.ReplaceAll(rest, "--", "-")
	if !ok || strings.ReplaceAll(plain, "-", "--") != rest {
		return "", false
	}
	return volumeName(plain)
}

// volumeName returns the name and true if a volume can have the name.
func volumeName(name string) (string, bool) {
	if checkName(name) != nil {
		return "", false
	}
	return name, true
}
