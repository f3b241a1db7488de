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
}

// transferArgs name a volume, a file, and a part of the volume.
type transferArgs struct {
	Vol    string `arg:"" help:"Name, key or path of the volume."`
	File   string `arg:"" help:"File on this side; - is standard input or output."`
	Pool   string `position:"" placeholder:"POOL" help:"Name or uuid of its pool. A name needs it, a path does not."`
	Offset string `position:"" placeholder:"SIZE" help:"Where in the volume to begin (0)."`
	Length string `position:"" placeholder:"SIZE" help:"How many bytes, at most; all unless given, or if 0."`
	Sparse bool   `help:"Holes become holes. Otherwise they become zeros that take up room."`
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
			return t, &usageError{verb, fmt.Sprintf("%s: %v", size.name, err)}
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
	return "A raw volume stays as large as it is: what would not fit is refused before the first byte is " +
		"written, or, from a pipe, when there is no more room. An image of another format becomes what is " +
		"uploaded, unless there is an offset or a length.\n\n" +
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
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	p := v.Pool()
	uploader, err := backend.As[backend.Uploader](v.Backend, p.Type, "uploading")
	if err != nil {
		return err
	}
	from := os.Stdin
	if c.File != "-" {
		// Opening a pipe blocks until another process opens it for writing.
		if from, err = backend.Await(e.ctx, func() (*os.File, error) { return os.Open(c.File) }); err != nil {
			return err
		}
		defer from.Close()
	}
	progress, done := e.Progress()
	defer done()
	t.Progress = progress
	return uploader.Upload(e.ctx, p, v.Name, from, t)
}
