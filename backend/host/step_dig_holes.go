package host

import (
	"context"
	"fmt"

	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// DigHoles deallocates the zeros of a file, or of a block device that reads as zeros where nothing is
// allocated. The data do not change.
type DigHoles struct {
	Path     string
	Progress Progress
}

// Shell implements Step.
func (d DigHoles) Shell() string {
	path, is := shell.Quote(d.Path), inspectForShell(d.Path)
	if !is.isBlock {
		return "fallocate -d " + path
	}
	const line = "for i in $(seq 0 %[1]d %[2]d); do cmp -s -n %[1]d -i $i:0 %[3]s /dev/zero && " +
		"blkdiscard -o $i -l %[1]d %[3]s </dev/null; done; sync %[3]s"
	return fmt.Sprintf(line, sparse.DeviceBlock, max(is.size-sparse.DeviceBlock, 0), path)
}

func (d DigHoles) apply(ctx context.Context, l *Local) error {
	if err := l.checkUnwritten(d.Path); err != nil {
		return err
	}
	f, err := l.openData(d.Path, writing)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := sparse.DigHoles(ctx, f, d.Progress); err != nil {
		return err
	}
	return f.Sync()
}
