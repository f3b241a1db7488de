package logical

import (
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// checkRoomToRevert returns an error if the merge of the snapshot s into its origin v would overflow other
// snapshots of v: what the merge changes is written to each of them first, and LVM drops those that have no
// space for it. Snapshots with space for all changes, and thin ones, cannot overflow.
func checkRoomToRevert(p *pooldef.Pool, v, s *logicalVolume, all []*logicalVolume) error {
	if v.isThin() {
		return nil
	}
	const (
		overhead = 256   // of 4096 bytes, LVM needs 16 to find them
		rounded  = 10000 // lvs rounds percentages to this part of the size
		kib      = 1024
	)
	changes, _ := s.used()
	var lost, extend []string
	for _, other := range all {
		if !other.isSnapshot() || other.Origin != v.Name || other.Name == s.Name || other.isOverflowed() {
			continue
		}
		used, _ := other.used()
		need := used + changes + (other.Size+s.Size)/rounded
		if other.Size < min(need, v.Size+v.Size/overhead) {
			lost = append(lost, other.Name)
			more := fmt.Sprintf("+%dk", (need-other.Size)/kib+1)
			extend = append(extend, shell.Join("lvextend", "-L", more, "--", p.Source.Name+"/"+other.Name))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return &backend.StateError{
		Text: "these snapshots have too little space for what the revert changes, and would be lost: " +
			strings.Join(lost, ", "),
		Hint: strings.Join(extend, " && "),
	}
}
