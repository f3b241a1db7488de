package qemuimg

import (
	"poolctl/backend"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/image"
	"poolctl/pooldef"
)

// NewKey returns the key that a definition names, or nil if the volume is not to be encrypted.
func NewKey(secrets backend.Secrets, d *pooldef.Volume) (*Key, error) {
	e := d.Target.Encryption
	if e == nil {
		return nil, nil
	}
	return key(secrets, e.Secrets[0])
}

// IsPlain reports whether a volume's file or device contains exactly the data that a guest sees.
func IsPlain(v *pooldef.Volume) bool {
	return v.Target.Encryption == nil && (v.Type == "block" || v.Target.Format == "" || IsRaw(v.Target.Format))
}

// SecretOf returns the secret of an encrypted volume: the one that its description names, or else the one for
// its path.
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

// Cipher returns how an image is encrypted by LUKS, for a new image that is to be encrypted in the same way.
func (i *Image) Cipher() (*pooldef.Cipher, *pooldef.IVGen, error) {
	fd, err := safeopen.OpenPinned(i.file)
	if err != nil {
		return nil, nil, err
	}
	defer fd.Close()
	size, err := fd.Size()
	if err != nil {
		return nil, nil, err
	}
	c, err := image.ProbeCipher(fd, size)
	if err != nil || c.Name == "" {
		return nil, nil, err
	}
	cipher := &pooldef.Cipher{Name: c.Name, Bits: c.Bits, Mode: c.Mode, Hash: c.Hash}
	if c.IVGen == "" {
		return cipher, nil, nil
	}
	return cipher, &pooldef.IVGen{Name: c.IVGen, Hash: c.IVGenHash}, nil
}
