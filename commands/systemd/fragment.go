package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// KeepMounts clears IsHidden of the pools whose mounts fstab(5), or a file in one of the directories with
// units, orders in another way: both orders together would be a circle, of which systemd starts one unit not
// at all, such as local-fs.target.
func KeepMounts(pools []Pool, fstab string, directories ...string) {
	points := sync.OnceValue(func() []string { return mountPoints(fstab) })
	for i := range pools {
		p := &pools[i]
		if !p.IsHidden {
			continue
		}
		at := filepath.Clean(p.Mount)
		p.IsHidden = at != "/" && !slices.Contains(points(), at) &&
			!slices.ContainsFunc(directories, func(dir string) bool { return hasUnit(dir, p.mountUnit()) })
	}
}

// fstabNames decodes a path in fstab(5).
var fstabNames = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mountPoints returns the mount points of a file like fstab(5), which may be missing.
func mountPoints(fstab string) []string {
	text, _ := os.ReadFile(fstab)
	var paths []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && !strings.HasPrefix(fields[0], "#") {
			paths = append(paths, filepath.Clean(fstabNames.Replace(fields[1])))
		}
	}
	return paths
}

// hasUnit reports whether a directory has a file for one of the units.
func hasUnit(directory string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join(directory, name))
		return err == nil
	})
}
