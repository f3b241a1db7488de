package backend

import (
	"context"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A Converter gives a volume another format, without a change of the data that a guest sees. Until the new
// volume is complete and was compared with the old one, the volume stays as it was. Convert refuses a volume
// that another process may be writing to, or that has snapshots inside.
type Converter interface {
	Convert(ctx context.Context, p *pooldef.Pool, name string, o ConvertOptions) error
}

// ConvertOptions describe how a volume is stored after a conversion.
type ConvertOptions struct {
	Format      string // empty: as before
	ClusterSize uint64 // in bytes; 0: as before, or the format's default if the format changes
	Compress    bool
	MayRead     MayRead // nil: no backing file may be read
	Progress    host.Progress
}

// AreMet reports whether a volume is stored as the options say. Since a part of an image may be compressed,
// compression is never met.
func (o ConvertOptions) AreMet(v *pooldef.Volume) bool {
	return !o.Compress && (o.Format == "" || o.Format == v.Target.Format) &&
		(o.ClusterSize == 0 || o.ClusterSize == v.Target.ClusterSize)
}
