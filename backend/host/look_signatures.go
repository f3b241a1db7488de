package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// A Signature shows that a device contains something: a file system, a partition table, or a label of RAID or
// LVM.
type Signature struct {
	Type   string `json:"type"` // blkid's name: ext4, gpt, LVM2_member
	Offset string `json:"offset"`
	UUID   string `json:"uuid"`
	Label  string `json:"label"`
}

// Words returns the types of signatures, each once.
func Words(all []Signature) string {
	var types []string
	for _, s := range all {
		types = append(types, s.Type)
	}
	slices.Sort(types)
	return strings.Join(slices.Compact(types), ", ")
}

// Signatures returns all signatures that wipefs(8) finds on a device, without changing any. An empty device
// has none. A device that cannot be read is an error. If the device does not exist, the error wraps
// fs.ErrNotExist.
func Signatures(ctx context.Context, h Host, device string) ([]Signature, error) {
	if _, err := h.Stat(device); err != nil {
		return nil, err
	}
	out, err := h.Query(ctx, Cmd("wipefs", "--no-act", "--json", "--", device))
	if err != nil {
		return nil, err
	}
	var list struct{ Signatures []Signature }
	if err := json.Unmarshal(out, &list); err != nil && len(out) > 0 {
		return nil, fmt.Errorf("output of wipefs for %q: %w", device, err)
	}
	if len(list.Signatures) == 0 { // wipefs prints nothing for a device that it cannot read
		_, err = h.Blank(device)
		return nil, err
	}
	return list.Signatures, nil
}

// OpenDevice implements Devices.
func (l *Local) OpenDevice(path string) (*os.File, error) { return os.Open(path) }

// Blank implements Devices.
func (l *Local) Blank(device string) (bool, error) {
	f, err := os.Open(device)
	if err != nil {
		return false, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	const most = 1 << 20
	zeros, buffer := make([]byte, min(size, most)), make([]byte, min(size, most))
	blank := true
	for _, at := range []int64{0, size - int64(len(buffer))} {
		if _, err := f.ReadAt(buffer, at); err != nil {
			return false, err
		}
		blank = blank && bytes.Equal(buffer, zeros)
	}
	return blank, nil
}
