package disk

import (
	"context"
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Create implements backend.Creator. It clears both ends of the new partition, so that no old file system
// reappears in it.
func (b *Backend) Create(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions,
) error {
	if err := checkDefinition(p, d, o); err != nil {
		return err
	}
	size := d.Capacity.Bytes
	var encrypt func(ctx context.Context, path string) error
	if d.Target.Encryption != nil {
		var err error
		if encrypt, err = b.PrepareEncryption(d); err != nil {
			return err
		}
		size += blockvol.EncryptionHeaderSize
	}
	return b.withLockedTable(ctx, p, func(t *table) error {
		return b.create(ctx, p, t, d, size, func(path string) error {
			err := b.Host.Change(ctx, host.ZeroEnds{Path: path, Length: 1 << 20})
			if err == nil && encrypt != nil {
				err = encrypt(ctx, path)
			}
			return err
		})
	})
}

// Clone implements backend.Cloner. It copies the data before it creates the partition.
func (b *Backend) Clone(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, o backend.CloneOptions,
) error {
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = source.Capacity
	}
	if err := checkDefinition(p, &wanted, o.CreateOptions); err != nil {
		return err
	}
	switch {
	case d.Target.Format == extended || source.Target.Format == extended:
		return &backend.UnsupportedError{Type: p.Type, What: "copying extended partitions"}
	case d.Target.Encryption != nil:
		return &backend.UnsupportedError{Type: p.Type, What: "copying into encrypted volumes"}
	}
	size := wanted.Capacity.Bytes
	if size < source.Capacity.Bytes {
		return &host.DoesNotFitError{Path: d.Name, Size: source.Capacity.Bytes, Room: size}
	}
	return b.withLockedTable(ctx, p, func(t *table) error {
		return b.create(ctx, p, t, d, size, func(path string) error { return b.Fill(ctx, p, path, source, o) })
	})
}

// checkDefinition returns an error if a partition cannot have the requested properties.
func checkDefinition(p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	switch {
	case d.Target.Encryption != nil && d.Target.Format == extended:
		return &backend.UnsupportedError{Type: p.Type, What: "encrypted extended partitions"}
	case d.Backing != nil:
		return &backend.UnsupportedError{Type: p.Type, What: "volumes with a backing store"}
	case d.Target.Format == extended && format(p) != "dos":
		return &backend.UnsupportedError{
			Type: p.Type, What: "extended partitions on a disk with a " + format(p) + " label",
		}
	case d.Capacity.Bytes == 0:
		return pooldef.Problems{{Element: "capacity", Text: "missing: a partition cannot be empty"}}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{Text: "a partition is fully allocated: there is nothing to preallocate"}}
	}
	return nil
}

// create creates a partition. prepare clears or fills the partition's space first, through a temporary
// partition. The table changes once, and a second time if parted sets the partition's type by a flag.
func (b *Backend) create(
	ctx context.Context, p *pooldef.Pool, t *table, d *pooldef.Volume, size uint64,
	prepare func(path string) error,
) error {
	x, err := t.newPartition(d)
	if err == nil {
		err = t.place(x, size, p.Name)
	}
	if err != nil {
		return err
	}
	if x.kind != extended {
		if err := b.withTempPartition(ctx, t, x.start, x.end, prepare); err != nil {
			return err
		}
	}
	err = b.commit(ctx, t.mkpart(x, d.Target.Format))
	if err == nil {
		err = t.checkCreated(x)
	}
	if err != nil {
		err = errors.Join(err, b.undoCreate(context.WithoutCancel(ctx), t, x))
	}
	return err
}

// mkpart returns the command that creates a partition. In most labels, the file system given to parted
// determines the partition's type.
func (t *table) mkpart(x *partition, format string) host.Command {
	args := []string{"mkpart"}
	if t.label != "bsd" && t.label != "sun" {
		args = append(args, x.kind)
	}
	if x.kind != extended {
		args = append(args, fileSystem(format))
	}
	args = append(args, fmt.Sprintf("%dB", x.start), fmt.Sprintf("%dB", x.end-1))
	if format == "linux-lvm" || format == "linux-raid" {
		args = append(args, "set", fmt.Sprint(x.number), flags[format], "on")
	}
	return parted(t.device, args...)
}

func fileSystem(format string) string {
	switch format {
	case "fat16", "fat32", "linux-swap":
		return format
	}
	return "ext2"
}

// checkCreated returns an error if libparted chose another number than planned. It compares with the kernel's
// partitions; after a dry run, the kernel has none to compare.
func (t *table) checkCreated(x *partition) error {
	kernel, err := t.kernelPartitions()
	for _, k := range t.strayPartitions(kernel) {
		if k.start == x.start && k.end == x.end && k.number != x.number {
			return fmt.Errorf("parted created %s instead of %s", t.name(k.number), t.name(x.number))
		}
	}
	return err
}

// undoCreate removes what a failed create has left in the table.
func (b *Backend) undoCreate(ctx context.Context, planned *table, x *partition) error {
	t, err := b.read(ctx, planned.device)
	if err != nil {
		return err
	}
	if y := t.find(func(y partition) bool { return y.start == x.start && y.kind == x.kind }); y != nil {
		return b.Host.Change(ctx, remove(t, y))
	}
	return nil
}

func remove(t *table, x *partition) host.Step { return parted(t.device, "rm", fmt.Sprint(x.number)) }
