package backend

import "fmt"

// RoundUp returns the smallest multiple of unit that is not less than size. Backends use the same unit for
// creating and for resizing volumes.
func RoundUp(size, unit uint64) uint64 { return (size + unit - 1) / unit * unit }

// HasSize reports whether a volume of now bytes has a requested size already: it is at least as large, and
// not larger than a new volume for which the size is rounded up. A resize to this size changes nothing.
func HasSize(now, size, rounded uint64) bool { return size <= now && now <= rounded }

// CheckShrink returns an error if a resize from now bytes to a rounded size would lose data, and that is not
// permitted.
func (o ResizeOptions) CheckShrink(now, rounded uint64) error {
	if rounded >= now || o.Shrink {
		return nil
	}
	return &StateError{
		Text: fmt.Sprintf("it has %d bytes: the data beyond the new size would be lost", now),
		Hint: "--shrink allows it",
	}
}
