package commands

import (
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/format"
	"poolctl/pooldef"
)

// VolConvert is the verb vol-convert.
type VolConvert struct {
	volumeArgs
	Format      string `placeholder:"FORMAT" help:"New format: raw, qcow2, vmdk, vdi, vpc, qcow, qed. Default: as before."`
	Compress    bool   `help:"Compress the data (qcow2, qcow). What guests write later is not compressed."`
	ClusterSize string `placeholder:"SIZE" help:"Cluster size of a qcow2 image in bytes, or as 64K, 2M."`
	Encrypt     string `xor:"encryption" placeholder:"SECRET" help:"Encrypt the data by LUKS, with the value of a secret for volumes, by its uuid or usage (raw, qcow2)."`
	Decrypt     bool   `xor:"encryption" help:"Store the data without encryption."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolConvert) Help() string {
	return "The data is copied to a new file, which is compared with the volume and then renamed over it. The " +
		"name, the size and the data that a guest sees stay the same, as do owner and mode. If the command is " +
		"killed, the volume is as it was, or converted. There must be space for both files.\n\n" +
		"Nothing may use the volume. Volumes with snapshots are refused, and so is another format for a volume " +
		"that images are based on. The new file has no backing store: data from it is copied. Pools of type " +
		"dir, fs, netfs, vstorage and gluster can convert volumes; in others, vol-create-from copies them.\n\n" +
		"  poolctl vol-convert disk.img images --format qcow2\n" +
		"  poolctl vol-convert golden.qcow2 images --compress\n" +
		"  poolctl vol-convert disk.qcow2 images --cluster-size 2M\n" +
		"  poolctl vol-convert disk.qcow2 images --encrypt /var/lib/images/disk.qcow2"
}

// Run converts a volume.
func (c *VolConvert) Run(e *env) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	name := ""
	err = e.changeVolume(&c.volumeArgs, func(v *driver.Volume, progress host.Progress) error {
		name, o.Progress = v.Name, progress
		return e.driver.ConvertVolume(e.ctx, v, o)
	})
	if err != nil {
		return fmt.Errorf("convert volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s converted", name)
	return nil
}

func (c *VolConvert) options() (backend.ConvertOptions, error) {
	o := backend.ConvertOptions{Format: c.Format, Compress: c.Compress, Decrypt: c.Decrypt}
	if c.ClusterSize != "" {
		n, err := format.ParseSize(c.ClusterSize)
		if err == nil && n == 0 {
			err = errors.New("0 is no size of a cluster")
		}
		if err != nil {
			return o, &usageError{"vol-convert", "--cluster-size: " + err.Error()}
		}
		o.ClusterSize = n
	}
	if c.Encrypt != "" {
		o.Encrypt = &pooldef.SecretRef{Type: "passphrase", Usage: c.Encrypt}
		if uuid, ok := pooldef.ParseUUID(c.Encrypt); ok {
			o.Encrypt = &pooldef.SecretRef{Type: "passphrase", UUID: uuid}
		}
	}
	if o.Format == "" && o.ClusterSize == 0 && !o.Compress && o.Encrypt == nil && !o.Decrypt {
		const text = "--format, --compress, --cluster-size, --encrypt or --decrypt is needed"
		return o, &usageError{"vol-convert", text}
	}
	return o, nil
}
