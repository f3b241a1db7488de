package qemuimg

import (
	"encoding/json"
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// checkable has the formats whose metadata qemu-img can check (those with bdrv_co_check in qemu's block/),
// and whether it can repair them.
var checkable = map[string]bool{"qcow2": true, "qed": true, "vdi": false, "vmdk": false}

// OpenAlone opens a volume, held, without its backing chain, for work on the volume's own metadata. With
// write, commands may write to it. If another process may be writing to it, the error is an InUseError. The
// caller must call Close.
func OpenAlone(
	secrets backend.Secrets, v *pooldef.Volume, h *safeopen.Handle, write bool,
) (*Image, error) {
	o := opener{secrets: secrets}
	top, _, err := o.top(v, h)
	if err == nil {
		top.write = write
		err = top.CheckUnwritten()
	}
	return top.orClose(err)
}

// CanCheck returns an error if qemu-img cannot check images of a format, or not repair them.
func CanCheck(format string, repair bool) error {
	repairs, checks := checkable[format]
	switch {
	case !checks:
		return &UnsupportedError{Text: "qemu-img cannot check " + format + " images"}
	case repair && !repairs:
		return &UnsupportedError{Text: "qemu-img cannot repair " + format + " images"}
	}
	return nil
}

// CheckImage returns the command that checks an image's metadata. Its output and error are for ReadCheck.
func CheckImage(i *Image) host.Command {
	l := newLine("check")
	l.Args[1] = "--output=json" // replaces -q
	return l.add(l.image(i)).Command
}

// Repair returns the command that repairs an image: its leaks, or all that is wrong with it.
func Repair(i *Image, what string) host.Command {
	l := newLine("check", "-r", what)
	return l.add(l.image(i)).Command
}

// The exit statuses of qemu-img check (qemu-img(1)).
const (
	foundCorruption = 2
	foundLeaks      = 3
)

// IsDamage reports whether an error of Repair means that something is still wrong with the image.
func IsDamage(err error) bool {
	exit, ok := errors.AsType[*host.ExitError](err)
	return ok && (exit.Status == foundCorruption || exit.Status == foundLeaks)
}

// ReadCheck returns what the output of CheckImage says.
func ReadCheck(output []byte, err error) (backend.Damage, error) {
	if err != nil && !IsDamage(err) {
		return backend.Damage{}, TranslateError(err)
	}
	var found struct {
		Corruptions uint64 `json:"corruptions"`
		Leaks       uint64 `json:"leaks"`
		Errors      uint64 `json:"check-errors"`
	}
	if err := json.Unmarshal(output, &found); err != nil {
		return backend.Damage{}, fmt.Errorf("the output of qemu-img check: %w", err)
	}
	if found.Errors > 0 {
		return backend.Damage{}, fmt.Errorf("qemu-img could not check all of it: %d errors", found.Errors)
	}
	return backend.Damage{Corruptions: found.Corruptions, Leaks: found.Leaks}, nil
}
