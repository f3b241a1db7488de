package backend

import (
	"iter"

	"poolctl/pooldef"
)

// List returns a lazy listing: when iterated, it calls find once and yields show of each result. An error of
// find ends the listing.
func List[T any](find func() ([]T, error), show func(T) *pooldef.Volume) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		all, err := find()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, one := range all {
			if !yield(show(one), nil) {
				return
			}
		}
	}
}
