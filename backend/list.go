package backend

import (
	"iter"

	"poolctl/pooldef"
)

// List is a listing of what is found at once, each shown as a volume. It ends with the error that there may be.
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
