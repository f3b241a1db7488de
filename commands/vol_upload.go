package commands

import (
	"fmt"
	"os"

	"poolctl/backend"
	"poolctl/format"
)

// VolUpload is the verb vol-upload.
type VolUpload struct {
	transferArgs
	overwriting
	changing
}

// transferArgs name a volume, a file, and a part of the volume.
type transferArgs struct {
	Vol    string `arg:"" help:"Name, key or path of the volume."`
	File   string `arg:"" file:"" help:"Local file; - is standard input or output."`
	Pool   string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
	Offset string `position:"" placeholder:"SIZE" help:"Start offset in the volume (0)."`
	Length string `position:"" placeholder:"SIZE" help:"Maximum number of bytes (default, or 0: all)."`
	Sparse bool   `help:"Keep holes. Without this option, holes become allocated zeros."`
}

// transfer parses the sizes. As in virsh, a negative length means all bytes.
func (a *transferArgs) transfer(verb string) (backend.Transfer, error) {
	t := backend.Transfer{Sparse: a.Sparse}
	if len(a.Length) > 1 && a.Length[0] == '-' {
		a.Length = ""
	}
	for _, size := range []struct {
		name, text string
		bytes      *uint64
	}{{"offset", a.Offset, &t.Offset}, {"length", a.Length, &t.Length}} {
		if size.text == "" {
			continue
		}
		n, err := format.ParseSize(size.text)
		if err != nil {
			const line = "Numeric value '%s' for <%s> option is malformed or out of range"
			usage := &usageError{verb, fmt.Sprintf("%s: %v", size.name, err)}
			return t, usage.asVirsh(line, size.text, size.name)
		}
		*size.bytes = n
	}
	if a.File != "-" {
		t.File = a.File
	}
	return t, nil
}

// Help implements kong.HelpProvider.
func (c *VolUpload) Help() string {
	return "A raw volume keeps its size: data that does not fit is refused before the first byte is " +
		"written, or, from a pipe, when the volume is full. An image of another format is " +
		"replaced by the uploaded data, unless an offset or a length is given. A volume that images are " +
		"based on is not changed without --in-use.\n\n" +
		"  poolctl vol-upload disk.qcow2 debian.qcow2 images --sparse\n" +
		"  zcat disk.gz | poolctl vol-upload disk.raw - images"
}

// Run writes a file into a volume.
func (c *VolUpload) Run(e *env) error {
	if err := c.upload(e); err != nil {
		return fmt.Errorf("upload %s to volume %q: %w", inputName(c.File), c.Vol, err)
	}
	e.SayNothing()
	return nil
}

func (c *VolUpload) upload(e *env) error {
	t, err := c.transfer("vol-upload")
	if err != nil {
		return err
	}
	v, err := e.driver.FindVolumeToTransfer(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	p := v.Pool()
	uploader, err := e.driver.Uploader(e.ctx, v, c.InUse)
	if err != nil {
		return err
	}
	from, err := c.open(e)
	if err != nil {
		return err
	}
	if c.File != "-" {
		defer from.Close()
		if info, err := from.Stat(); err != nil || !info.Mode().IsRegular() {
			e.driver.Host.Invalidate() // time may have passed
		}
	}
	progress, done := e.Progress()
	defer done()
	t.Progress = progress
	progress.Report(0, 0) // shown if the transfer stalls before its first byte
	if err := uploader.Upload(e.ctx, p, v.Name, from, t); err != nil {
		return err
	}
	e.reportVolume(v.Backend, p, v.Name, v.Volume)
	return nil
}

// open opens the file. Opening a pipe blocks until another process opens it for writing.
func (c *VolUpload) open(e *env) (*os.File, error) {
	if c.File == "-" {
		return e.standardInput()
	}
	return backend.Await(e.ctx, func() (*os.File, error) { return os.Open(c.File) })
}
