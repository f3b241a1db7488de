package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef/store"
)

// known says which images a volume may be based on, for its data to be read: those that are volumes of active pools.
func (e *env) known(of *foundVolume) backend.MayRead {
	return func(path string, file *safeopen.Handle) error {
		if lender, ok := of.backend.(backend.Exporter); ok {
			path = lender.ExternalPath(e.ctx, of.entry.Current(), path)
		}
		entries, err := e.allPools()
		if err != nil {
			return err
		}
		pool, name, err := e.poolOf(entries, path)
		switch {
		case err != nil:
			return err
		case pool == "":
			return unknownImage(fmt.Sprintf("%q is in no active pool", path))
		case file == nil: // an image of Ceph's
			return nil
		}
		return e.isVolume(entries, pool, name, file)
	}
}

// isVolume returns an error if a file is not the one that a pool has by a name, whatever its path says.
func (e *env) isVolume(entries []*store.Entry, pool, name string, file *safeopen.Handle) error {
	for _, entry := range entries {
		if entry.Name != pool {
			continue
		}
		p := entry.Current()
		find := e.backends[p.Type].Volume
		if lender, ok := e.backends[p.Type].(backend.Exporter); ok {
			find = lender.Export
		}
		v, err := find(e.ctx, p, name)
		if err != nil {
			return err
		}
		is, err := safeopen.OpenPath(v.Target.Path)
		if err != nil {
			return err
		}
		defer is.Close()
		if !is.IsSame(file) {
			return unknownImage(fmt.Sprintf("%q is not the volume %q of pool %q", file.Path, name, pool))
		}
	}
	return nil
}

func unknownImage(text string) error {
	return &stateError{text, "a guest can write any header into its disk: if that is the image it should be, define a pool of its directory and start it"}
}
