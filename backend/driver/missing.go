package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// HasVolume reports whether pool p, whose backend is b, has the volume that v defines: one with its name,
// size and format. If the volume with its name is another one, the error is a [pooldef.ConflictError] that
// says what differs. With isCopy set, v gets the data of another volume, and may share blocks with it.
func (d *Driver) HasVolume(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, isCopy bool,
) (bool, error) {
	have, err := b.Volume(ctx, p, v.Name)
	switch {
	case errors.Is(err, backend.ErrNoVolume):
		return false, nil
	case err != nil:
		return false, err
	case have.Err != nil:
		return false, have.Err
	}
	differences := d.Differences(ctx, p, have, v, isCopy)
	if differences == nil || ctx.Err() != nil {
		return ctx.Err() == nil, ctx.Err()
	}
	texts := make([]string, len(differences))
	for i, difference := range differences {
		texts[i] = difference.text
	}
	text := fmt.Sprintf("volume %q exists already, and differs: %s", v.Name, strings.Join(texts, "; "))
	return false, &pooldef.ConflictError{Text: text}
}

// A Difference is a way in which an existing volume is not the one that is wanted.
type Difference struct {
	Field      string // capacity, format, backing, encryption
	Have, Want string
	text       string
}

// Differences returns in which ways an existing volume of pool p is not the one that is wanted: by its
// format, backing file, encryption and size. With isCopy set, the wanted volume gets the data of another one,
// and may share blocks with it. An unknown capacity of the wanted volume is not compared.
func (d *Driver) Differences(
	ctx context.Context, p *pooldef.Pool, have, want *pooldef.Volume, isCopy bool,
) []Difference {
	differences := differencesOf(have, want, isCopy && have.Type != "file")
	// a snapshot is as large as its origin
	isSnapshot := p.Type == pooldef.Logical && have.Backing != nil && want.Backing != nil
	if size := want.Capacity.Bytes; want.Capacity.Known && !isSnapshot && !d.hasSize(ctx, p, have, size) {
		differences = append(differences, Difference{"capacity", fmt.Sprint(have.Capacity.Bytes), fmt.Sprint(size),
			fmt.Sprintf("its capacity is %d bytes, not %d", have.Capacity.Bytes, size)})
	}
	return differences
}

// differencesOf returns in which ways an existing volume is not the one that is wanted, except its size. With
// mayShare set, the existing volume may share blocks with another one, which it shows as its backing file.
func differencesOf(have, want *pooldef.Volume, mayShare bool) (differences []Difference) {
	format := want.Target.Format
	if format != "" && format != "none" && have.Target.Format != "" && have.Target.Format != format {
		differences = append(differences, Difference{"format", have.Target.Format, format,
			fmt.Sprintf("its format is %s, not %s", have.Target.Format, format)})
	}
	for _, part := range []struct {
		field, name string
		has, want   bool
	}{
		{"backing", "backing file", have.Backing != nil && !mayShare, want.Backing != nil},
		{"encryption", "encryption", have.Target.Encryption != nil, want.Target.Encryption != nil},
	} {
		switch {
		case part.has && !part.want:
			differences = append(differences, Difference{part.field, "yes", "no", "it has a " + part.name})
		case part.want && !part.has:
			differences = append(differences, Difference{part.field, "no", "yes", "it has no " + part.name})
		}
	}
	return differences
}

// hasSize reports whether an existing volume has the size that a new one would have: whether a resize to size
// bytes would change nothing.
func (d *Driver) hasSize(ctx context.Context, p *pooldef.Pool, have *pooldef.Volume, size uint64) bool {
	var steps strings.Builder
	rehearsal := d.NewBackends(host.NewDryRun(d.Host, &steps))[p.Type]
	resizer, ok := rehearsal.(backend.Resizer)
	if have.Capacity.Bytes == size || !ok {
		return have.Capacity.Bytes == size
	}
	err := resizer.Resize(ctx, p, have.Name, size, backend.ResizeOptions{Shrink: true})
	return err == nil && steps.Len() == 0
}
