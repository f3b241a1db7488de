package logical

import (
	"strconv"

	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// ranges matches an item of seg_le_ranges: a device, or an internal volume of LVM in brackets, with the first
// and the last extent that the segment uses.
var ranges = lazy.Regexp(`(\[[^\]]+\]|/.+?):(\d+)-(\d+)(?:[, ]|$)`)

// extents returns the extents of the devices that contain a volume's data. The data of a RAID or cached
// volume are in LVM's internal volumes, so extents follows those. The result omits data on missing devices,
// and data of thin volumes, which are scattered over the thin pool.
func extents(v *logicalVolume, all index) []pooldef.Extent {
	var found []pooldef.Extent
	seen := map[string]bool{}
	var follow func(v *logicalVolume)
	follow = func(v *logicalVolume) {
		if v == nil || seen[v.Name] {
			return
		}
		seen[v.Name] = true
		for _, s := range v.segments {
			for _, m := range ranges().FindAllStringSubmatch(s.Ranges, -1) {
				if m[1][0] == '[' {
					follow(all[m[1]])
					continue
				}
				first, _ := strconv.ParseUint(m[2], 10, 64)
				last, _ := strconv.ParseUint(m[3], 10, 64)
				e := pooldef.Extent{Device: m[1], Start: first * s.Extent, End: (last + 1) * s.Extent}
				found = append(found, e)
			}
		}
	}
	follow(v)
	return found
}
