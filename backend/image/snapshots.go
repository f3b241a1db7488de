package image

import (
	"bufio"
	"io"
	"time"

	"poolctl/backend/fault"
)

// A Snapshot is an internal snapshot of a qcow2 image. Its texts are untrusted.
type Snapshot struct {
	ID, Name string
	Created  time.Time // zero: unknown
	Capacity uint64    // of the disk at that time, in bytes; 0: not recorded (compat 0.10)
}

// ErrSnapshots means that an image's table of snapshots cannot be right.
var ErrSnapshots = fault.New(fault.Failed, "the image's table of snapshots is damaged")

// Limits of qemu's block/qcow2.h and include/block/snapshot.h. qemu rejects an image that exceeds the first
// two, and cuts off longer names.
const (
	maxSnapshots    = 65536
	maxSnapshotData = 1024
	maxSnapshotID   = 127
	maxSnapshotName = 255
)

// Positions in qemu's docs/interop/qcow2.txt, "Snapshots": in the header, and in an entry of the table.
const (
	snapshotCountAt, snapshotTableAt = 60, 64

	snapshotFixed                          = 40 // bytes of an entry before its extra data
	idSizeAt, nameSizeAt, dateAt, extraAt  = 12, 14, 16, 36
	extraCapacityAt, extraWithCapacity     = 8, 16
	snapshotAlignment, firstBytesOfHeaders = 8, 72
)

// Snapshots reads the table of internal snapshots of the image in r, which contains size bytes, in the order
// of the table. An image of another format than qcow2 has none. The error is a read error of r, or wraps
// [ErrSnapshots].
func Snapshots(r io.ReaderAt, size int64) ([]Snapshot, error) {
	header := make([]byte, min(firstBytesOfHeaders, max(size, 0)))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, int64(len(header))), header); err != nil {
		return nil, cutOff(err)
	}
	h := record{header}
	if !h.has(0, "QFI\xfb\x00\x00\x00\x03") && !h.has(0, "QFI\xfb\x00\x00\x00\x02") {
		return nil, nil
	}
	count, at := h.be(snapshotCountAt, 4), h.be(snapshotTableAt, 8)
	switch {
	case count == 0:
		return nil, nil
	case count > maxSnapshots, at > uint64(size), at%snapshotAlignment != 0:
		return nil, ErrSnapshots
	}
	table := bufio.NewReader(io.NewSectionReader(r, int64(at), size-int64(at)))
	var all []Snapshot
	padding := 0 // before the next entry; behind the last one, the image may end
	for range count {
		if _, err := table.Discard(padding); err != nil {
			return nil, cutOff(err)
		}
		s, length, err := readSnapshot(table)
		if err != nil {
			return nil, cutOff(err)
		}
		all, padding = append(all, s), -length&(snapshotAlignment-1)
	}
	return all, nil
}

// cutOff converts the end of the image to ErrSnapshots.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull's
		return ErrSnapshots
	}
	return err
}

// readSnapshot reads an entry of the table, which has length bytes without its padding.
func readSnapshot(table io.Reader) (s Snapshot, length int, err error) {
	var buffer [snapshotFixed + maxSnapshotData + maxSnapshotID + maxSnapshotName]byte
	if _, err := io.ReadFull(table, buffer[:snapshotFixed]); err != nil {
		return s, 0, err
	}
	fixed := record{buffer[:snapshotFixed]}
	extra, id, name := fixed.be(extraAt, 4), fixed.be(idSizeAt, 2), fixed.be(nameSizeAt, 2)
	if extra > maxSnapshotData || id > maxSnapshotID || name > maxSnapshotName {
		return s, 0, ErrSnapshots
	}
	length = snapshotFixed + int(extra+id+name)
	if _, err := io.ReadFull(table, buffer[snapshotFixed:length]); err != nil {
		return s, 0, err
	}
	rest := record{buffer[snapshotFixed:length]}
	s.ID, s.Name = rest.part(extra, int(id)).untilNUL(), rest.part(extra+id, int(name)).untilNUL()
	if seconds := fixed.be(dateAt, 4); seconds > 0 {
		s.Created = time.Unix(int64(seconds), int64(min(fixed.be(dateAt+4, 4), uint64(time.Second-1))))
	}
	if extra >= extraWithCapacity {
		var i Info
		i.setCapacity(rest.be(extraCapacityAt, 8), 1)
		s.Capacity = i.Capacity
	}
	return s, length, nil
}
