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
	Encrypt     *pooldef.SecretRef // the secret to encrypt the data with; nil: as before
	Decrypt     bool               // the data are no longer encrypted
	MayRead     MayRead            // nil: no backing file may be read
	Progress    host.Progress
}

// AreMet reports whether a volume is stored as the options say. Compression and encryption are never met: a
// part of an image may be compressed, and only opening a volume shows which secret opens it.
func (o ConvertOptions) AreMet(v *pooldef.Volume) bool {
	return !o.Compress && !o.changesEncryption(v) && (o.Format == "" || o.Format == v.Target.Format) &&
		(o.ClusterSize == 0 || o.ClusterSize == v.Target.ClusterSize)
}

// KeepsFormat reports whether the images that are based on a volume, and the domains that use it, can open
// the conversion as they opened the volume.
func (o ConvertOptions) KeepsFormat(v *pooldef.Volume) bool {
	return (o.Format == "" || o.Format == v.Target.Format) && !o.changesEncryption(v)
}

func (o ConvertOptions) changesEncryption(v *pooldef.Volume) bool {
	return o.Encrypt != nil || o.Decrypt && v.Target.Encryption != nil
}
