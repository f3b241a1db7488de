package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolctl/backend/host/shell"

	"golang.org/x/sys/unix"
)

// WriteSys writes a text to a file of /sys in one write, as the kernel requires.
type WriteSys struct {
	Path string // below /sys
	Text string
}

// Shell implements Step.
func (w WriteSys) Shell() string {
	return "echo " + shell.Quote(w.Text) + " >" + shell.Quote("/sys/"+w.Path)
}

func (w WriteSys) apply(_ context.Context, l *Local) error {
	f, err := os.OpenFile(filepath.Join(l.Root, "/sys", w.Path), os.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(w.Text + "\n")
	return err
}

// ScanSCSI makes a SCSI host look for new LUNs, and for new sizes of known ones. The kernel keeps LUNs that
// are gone.
type ScanSCSI struct{ Host int }

// Shell implements Step.
func (s ScanSCSI) Shell() string {
	const rescan = "for unit in /sys/bus/scsi/devices/%d:*/rescan; do echo 1 >$unit; done; echo '- - -' >/sys/%s"
	return fmt.Sprintf(rescan, s.Host, s.scan())
}

func (s ScanSCSI) scan() string { return fmt.Sprintf("class/scsi_host/host%d/scan", s.Host) }

// apply ignores errors of single LUNs, which may be gone, and continues to look for others.
func (s ScanSCSI) apply(ctx context.Context, l *Local) error {
	units, err := fs.Glob(l.Sys(), fmt.Sprintf("bus/scsi/devices/%d:*/rescan", s.Host))
	if err != nil {
		return err
	}
	for _, u := range units {
		_ = WriteSys{u, "1"}.apply(ctx, l)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return WriteSys{s.scan(), "- - -"}.apply(ctx, l)
}
