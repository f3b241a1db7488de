package backend

import (
	"fmt"

	"poolctl/backend/fault"
)

// Damage is what is wrong with an image's metadata. The zero value is nothing.
type Damage struct {
	Corruptions uint64 // the guest's data may be lost or wrong
	Leaks       uint64 // clusters that occupy space, but are not used
}

// A DamageError reports that an image is damaged.
type DamageError struct {
	Damage
	Hint string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("the image has %d corruptions and %d leaked clusters", e.Corruptions, e.Leaks)
}

// Kind implements [fault.Error].
func (*DamageError) Kind() fault.Kind { return fault.Failed }

// HintLine implements [fault.Hinter].
func (e *DamageError) HintLine() string { return e.Hint }
