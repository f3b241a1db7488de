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
	differences := differencesOf(have, v, isCopy && have.Type != "file")
	isSnapshot := p.Type == pooldef.Logical && have.Backing != nil && v.Backing != nil // as large as its origin
	if !isSnapshot && v.Capacity.Known && !d.hasSize(ctx, p, have, v.Capacity.Bytes) {
		differences = append(differences,
			fmt.Sprintf("its capacity is %d bytes, not %d", have.Capacity.Bytes, v.Capacity.Bytes))
	}
	if differences == nil || ctx.Err() != nil {
		return ctx.Err() == nil, ctx.Err()
	}
	text := fmt.Sprintf("volume %q exists already, and differs: %s", v.Name, strings.Join(differences, "; "))
	return false, &pooldef.ConflictError{Text: text}
}

// differencesOf describes in which ways an existing volume is not the one that is wanted, except its size.
// With mayShare set, the existing volume may share blocks with another one, which it shows as its backing
// file.
func differencesOf(have, want *pooldef.Volume, mayShare bool) (differences []string) {
	format := want.Target.Format
	if format != "" && format != "none" && have.Target.Format != "" && have.Target.Format != format {
		differences = append(differences, fmt.Sprintf("its format is %s, not %s", have.Target.Format, format))
	}
	for _, part := range []struct {
		name      string
		has, want bool
	}{
		{"backing file", have.Backing != nil && !mayShare, want.Backing != nil},
		{"encryption", have.Target.Encryption != nil, want.Target.Encryption != nil},
	} {
		switch {
		case part.has && !part.want:
			differences = append(differences, "it has a "+part.name)
		case part.want && !part.has:
			differences = append(differences, "it has no "+part.name)
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
