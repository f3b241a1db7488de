package qemuimg

import (
	"cmp"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
)

// NewKey returns the key that a definition asks for, nil if it asks for none.
func NewKey(secrets backend.Secrets, d *pooldef.Volume) (*Key, error) {
	e := d.Target.Encryption
	if e == nil {
		return nil, nil
	}
	return key(secrets, e.Secrets[0])
}

// Open returns a volume as qemu-img is told of it. If it is encrypted and its description names no secret, there has to be one
// for its path. One that keeps data in files that only its header names is refused: whoever may write to the volume, a guest too,
// could name any file of this machine.
func Open(secrets backend.Secrets, v *pooldef.Volume) (Image, error) {
	image := Image{Path: v.Target.Path, Format: cmp.Or(v.Target.Format, "raw")}
	if v.Type == "block" { // its pool's word is what a partition is for
		image.Format = "raw"
	}
	e := v.Target.Encryption
	switch {
	case v.Target.ExternalData:
		return image, fmt.Errorf("%q keeps its data in other files, which poolctl does not touch", v.Target.Path)
	case formats[image.Format] == "":
		return image, fmt.Errorf("%q is a %s image, which qemu-img cannot write", v.Target.Path, image.Format)
	case e == nil:
		return image, nil
	case e.Format != "luks":
		return image, fmt.Errorf("%q is encrypted by %s, which poolctl cannot open", v.Target.Path, e.Format)
	}
	var err error
	image.Key, err = key(secrets, SecretOf(v))
	return image, err
}

// SecretOf names the secret of an encrypted volume: the one that its description names, or the one for its path.
func SecretOf(v *pooldef.Volume) pooldef.SecretRef {
	if s := v.Target.Encryption.Secrets; len(s) > 0 {
		return s[0]
	}
	return pooldef.SecretRef{Type: "passphrase", Usage: v.Target.Path}
}

func key(secrets backend.Secrets, ref pooldef.SecretRef) (*Key, error) {
	value, err := secrets.SecretValue(ref, "volume")
	if err != nil {
		return nil, err
	}
	return &Key{File: secrets.SecretFile(ref, "volume"), Passphrase: value}, nil
}
