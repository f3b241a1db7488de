package logical

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Stop implements backend.Starter. It refuses a group that has a volume in use, or that poolctl did not
// activate.
func (b *Backend) Stop(ctx context.Context, p *pooldef.Pool) error {
	all, err := b.allVolumes(ctx, p, allFields)
	if err != nil {
		return err
	}
	if err := b.checkNotInUse(p, all...); err != nil {
		return err
	}
	vg := p.Source.Name
	if !p.Started {
		return &backend.StateError{
			Text: fmt.Sprintf("the volume group %q was not activated by poolctl; active volumes: %s", vg,
				activeNames(all)),
			Hint: "vgchange -an -- " + vg + ", if it is not needed elsewhere",
		}
	}
	if err = b.Host.Change(ctx, deactivate(vg)); err != nil {
		err = errors.Join(err, b.Host.Change(context.WithoutCancel(ctx), activate(vg)))
	}
	return err
}

// activeNames returns the names of the active volumes, or "none".
func activeNames(all []*logicalVolume) string {
	var names []string
	for _, v := range all {
		if v.isVolume() && v.isActive() {
			names = append(names, v.Name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// checkNotInUse returns an error that names the users if one of the volumes is in use.
func (b *Backend) checkNotInUse(p *pooldef.Pool, volumes ...*logicalVolume) error {
	busy := map[string][]string{}
	for _, v := range volumes {
		if v.isVolume() && v.isOpen() {
			busy[path(p, v.Name)] = b.Users(path(p, v.Name))
		}
	}
	all := &backend.BusyError{Path: dir(p.Source.Name)}
	for _, path := range slices.Sorted(maps.Keys(busy)) {
		one := &backend.BusyError{Path: path, Users: busy[path]}
		if len(volumes) == 1 {
			return one
		}
		all.Users = append(
			all.Users,
			fmt.Sprintf("volume %s (%s)", filepath.Base(path), cmp.Or(strings.Join(busy[path], ", "), "open")),
		)
	}
	if all.Users == nil {
		return nil
	}
	return all
}
