package qemuimg

import (
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/imagelock"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// OpenToSnapshot opens a qcow2 volume, held by h, to change its internal snapshots. It returns an error if
// another process may be writing to the volume. Backing images stay closed: snapshots change only metadata.
func OpenToSnapshot(secrets backend.Secrets, v *pooldef.Volume, h *safeopen.Handle) (*Image, error) {
	o := opener{secrets: secrets}
	top, _, err := o.top(v, h)
	if err == nil {
		top.write = true
		err = top.CheckUnwritten()
	}
	return top.orClose(err)
}

// CheckUnwritten returns an InUseError if another process may be writing to the image or to one below it: a
// guest, or a process that has the file or device open for writing and takes no locks.
func (i *Image) CheckUnwritten() error {
	var devices []string
	for ; i != nil; i = i.Backing {
		if err := i.checkFile(); err != nil {
			return err
		}
		if i.isDevice {
			devices = append(devices, i.Path)
		}
	}
	if devices == nil {
		return nil
	}
	return host.CheckDevicesUnwritten(&host.Local{}, devices...)
}

// checkFile is CheckUnwritten for one image. Images of servers are not checked, and devices for locks only.
func (i *Image) checkFile() error {
	if i.file == nil {
		return nil
	}
	fd, err := safeopen.OpenPinned(i.file)
	if err != nil {
		return err
	}
	defer fd.Close()
	if imagelock.LockForReading(int(fd)) != nil || imagelock.IsOpenForWriting(int(fd)) {
		return &host.InUseError{Path: i.Path}
	}
	return nil
}

// Snapshots returns the image's internal snapshots as they are now, oldest first.
func (i *Image) Snapshots() ([]image.Snapshot, error) {
	fd, err := safeopen.OpenPinned(i.file)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	size, err := fd.Size()
	if err != nil {
		return nil, err
	}
	return image.Snapshots(fd, size)
}

// FindSnapshot returns the image's internal snapshot with a name. If the snapshot does not exist, the error
// wraps [backend.ErrNoSnapshot].
func (i *Image) FindSnapshot(name string) (image.Snapshot, error) {
	all, err := i.Snapshots()
	if err != nil {
		return image.Snapshot{}, fmt.Errorf("%q: %w", i.Path, err)
	}
	n := slices.IndexFunc(all, func(s image.Snapshot) bool { return s.Name == name })
	if n < 0 {
		return image.Snapshot{}, backend.NoSnapshot(i.Path, name)
	}
	// qemu-img selects by name or by ID
	isOther := func(s image.Snapshot) bool {
		return s != all[n] && (s.Name == name || s.ID == all[n].ID || s.ID == name || s.Name == all[n].ID)
	}
	if slices.ContainsFunc(all, isOther) || slices.Index(all[n+1:], all[n]) >= 0 {
		return all[n], &backend.StateError{
			Text: fmt.Sprintf("%q has several snapshots that qemu-img could mean by %q", i.Path, name),
			Hint: "qemu-img snapshot -l " + shell.Quote(i.Path) + " shows them",
		}
	}
	return all[n], nil
}

// ReadSnapshot makes Convert and Into copy the data of an internal snapshot of the image.
func (i *Image) ReadSnapshot(name string) error {
	s, err := i.FindSnapshot(name)
	if err == nil {
		i.snapshot, i.Capacity = &s, s.Capacity
	}
	if err == nil && s.Capacity == 0 {
		err = fmt.Errorf("%q does not record the size of its snapshot %q", i.Path, name)
	}
	return err
}

// snapshotOption returns qemu-img's description of the snapshot for convert -l.
func snapshotOption(s *image.Snapshot) string {
	return fmt.Sprintf("snapshot.id=%s,snapshot.name=%s", escape(s.ID), escape(s.Name))
}

// CreateSnapshot returns the command that creates an internal snapshot.
func CreateSnapshot(i *Image, name string) host.Command { return snapshotLine(i, "-c", name) }

// DeleteSnapshot returns the command that deletes an internal snapshot.
func DeleteSnapshot(i *Image, s image.Snapshot) host.Command { return snapshotLine(i, "-d", s.Name) }

// RevertToSnapshot returns the command that gives an image the state of an internal snapshot.
func RevertToSnapshot(i *Image, s image.Snapshot) host.Command { return snapshotLine(i, "-a", s.ID) }

func snapshotLine(i *Image, action, snapshot string) host.Command {
	l := newLine("snapshot").add(action, snapshot)
	return l.add(l.image(i)).Command
}

// CheckSnapshotName returns why an internal snapshot cannot have a name, or "". qemu-img takes a number for
// the ID of a snapshot.
func CheckSnapshotName(name string) string {
	if strings.Trim(name, "0123456789") == "" {
		return fmt.Sprintf("%q: qemu-img would take a number for the ID of another snapshot", name)
	}
	return pooldef.CheckSnapshotName(name)
}
