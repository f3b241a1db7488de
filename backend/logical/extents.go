package logical

import (
	"regexp"
	"strconv"

	"poolctl/pooldef"
)

// ranges is an item of seg_le_ranges: a device, or a volume of LVM's own in brackets, and from which extent to which it is used.
var ranges = regexp.MustCompile(`(\[[^\]]+\]|/.+?):(\d+)-(\d+)(?:[, ]|$)`)

// extents tells where on which devices a volume's data are. Those of a RAID or a cached volume are in volumes of LVM's own, which
// are followed; thin volumes have theirs all over their pool, and what is on a missing device is left out.
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
			for _, m := range ranges.FindAllStringSubmatch(s.Ranges, -1) {
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
