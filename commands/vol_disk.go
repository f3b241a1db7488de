package commands

import (
	"poolctl/backend/host/shell"
	"poolctl/format/lazy"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolDisk is the verb vol-disk.
type VolDisk struct {
	volumeArgs
	Target string `default:"vda" placeholder:"DEV" help:"Device in the guest (vda); with --qemu, the name of the node."`
	Qemu   bool   `help:"Print QEMU's options -object (for secrets) and -blockdev instead."`
}

// isDeviceName reports whether libvirt and QEMU accept a name.
var isDeviceName = lazy.Regexp(`^[a-z][a-z0-9]{0,30}$`)

// Help implements kong.HelpProvider.
func (*VolDisk) Help() string {
	return "The element is for a domain's XML document: virsh attach-device reads it. It names all images " +
		"below the volume, with their formats, so that nothing is guessed from headers. Secrets are named by " +
		"their uuid or usage, which libvirt must know, too; --qemu names their files. With --qemu, the " +
		"guest's device needs the node's name as its drive.\n\n" +
		"  poolctl vol-disk vm1.qcow2 images >disk.xml &&\n" +
		"    virsh attach-device vm1 disk.xml --config\n" +
		"  poolctl vol-disk vm1.qcow2 images --qemu |\n" +
		"    xargs qemu-system-x86_64 -device virtio-blk,drive=vda"
}

// Run prints what a guest needs to use a volume.
func (c *VolDisk) Run(e *env) error {
	if !isDeviceName().MatchString(c.Target) {
		return &usageError{"vol-disk", "--target: a name such as vda, of letters and digits"}
	}
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	disk, err := e.driver.Disk(e.ctx, v)
	if err != nil {
		return err
	}
	if c.Qemu {
		return c.printOptions(e, disk)
	}
	e.Result(codec.DiskElement(disk, c.Target).String())
	return nil
}

// printOptions prints QEMU's options as words of a shell, on one line.
func (c *VolDisk) printOptions(e *env, disk *pooldef.GuestDisk) error {
	b, err := codec.NewBlockdev(disk, c.Target)
	if err != nil {
		return err
	}
	line := ""
	for _, object := range b.Objects {
		line += "-object " + shell.Quote(object) + " "
	}
	e.ResultLine(line + "-blockdev " + shell.Quote(b.Node))
	return nil
}
