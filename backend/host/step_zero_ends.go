package host

import (
	"context"
	"fmt"

	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// ZeroEnds makes the first and the last bytes of a block device read as zeros: signatures of partition
// tables, file systems, RAIDs and LVM are there. The end is zeroed first, so that a partition table at the
// start is complete or gone.
type ZeroEnds struct {
	Path   string
	Length uint64 // of each end, in bytes; at most the whole device
}

// Shell implements Step.
func (z ZeroEnds) Shell() string {
	path, size := shell.Quote(z.Path), uint64(max(inspectForShell(z.Path).size, 0))
	if size > 0 && size <= 2*z.Length {
		return "blkdiscard -z " + path + " </dev/null"
	}
	const ends = "blkdiscard -z -o $(($(blockdev --getsize64 %[1]s) - %[2]d)) -l %[2]d %[1]s </dev/null && " +
		"blkdiscard -z -l %[2]d %[1]s </dev/null"
	return fmt.Sprintf(ends,
		path, z.Length)
}

func (z ZeroEnds) apply(ctx context.Context, l *Local) error {
	f, err := l.openData(z.Path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := sparse.Size(f)
	if err != nil {
		return err
	}
	length := min(int64(z.Length), size)
	for _, from := range []int64{size - length, 0} {
		if err := sparse.Clear(ctx, f, sparse.ZeroOut, from, from+length); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}
