package commands

import (
	"fmt"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/commands/terminal"
)

// VolDownload is the verb vol-download.
type VolDownload struct {
	transferArgs
	InUse bool `help:"Copy a volume that is in use, such as by a running guest. The copy may be inconsistent."`
	changing
}

// Help implements kong.HelpProvider.
func (c *VolDownload) Help() string {
	return "The file appears under its name only when it is complete; until then, an existing file " +
		"remains.\n\n" +
		"  poolctl vol-download disk.qcow2 backup.qcow2 images --sparse\n" +
		"  poolctl vol-download disk.raw - images | zstd >disk.zst"
}

// Run downloads a volume.
func (c *VolDownload) Run(e *env) error {
	to := c.File
	if to == "-" {
		to = "standard output"
	}
	if err := c.download(e); err != nil {
		return fmt.Errorf("download volume %q to %s: %w", c.Vol, to, err)
	}
	if !isStdout(c.File) {
		e.SayNothing()
	}
	return nil
}

// isStdout reports whether a file is standard output, where nothing may follow the data.
func isStdout(file string) bool { return file == "-" || isSameFile(file, "/dev/stdout") }

// isSameFile reports whether two paths lead to one file.
func isSameFile(a, b string) bool {
	is, err := os.Stat(a)
	other, otherErr := os.Stat(b)
	return err == nil && otherErr == nil && os.SameFile(is, other)
}

func (c *VolDownload) download(e *env) error {
	t, err := c.transfer("vol-download")
	if err != nil {
		return err
	}
	t.InUse = c.InUse
	find := e.driver.FindVolumeToTransfer
	if c.InUse {
		find = e.driver.FindVolume
	}
	v, err := find(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	p := v.Pool()
	downloader, err := backend.As[backend.Downloader](v.Backend, p.Type, "downloading")
	if err != nil {
		return err
	}
	if isSameFile(c.File, v.Target.Path) {
		return &usageError{"vol-download", "the file is the volume itself"}
	}
	progress, done := e.Progress()
	defer done()
	t.Progress = progress
	progress.Report(0, 0) // shown if the transfer stalls before its first byte
	if c.File == "-" {
		to, isTerminal := terminal.Raw()
		if isTerminal && !e.cli.DryRun {
			return &usageError{"vol-download", "standard output is a terminal"}
		}
		return downloader.Download(e.ctx, p, v.Name, to, t)
	}
	e.noteVolume(v.Volume)
	return c.toFile(e, t, func(to *os.File, t backend.Transfer) error {
		return downloader.Download(e.ctx, p, v.Name, to, t)
	})
}

// toFile writes a file that gets its name when it is complete.
func (c *VolDownload) toFile(e *env, t backend.Transfer, write func(*os.File, backend.Transfer) error) error {
	file, err := host.NewPendingFile(c.File, 0o666)
	if err != nil {
		return err
	}
	defer file.Abort()
	if err := e.driver.Host.Change(e.ctx, file); err != nil {
		return err
	}
	t.File = file.Name()
	if err := write(file.File(), t); err != nil {
		return err
	}
	return e.driver.Host.Change(e.ctx, host.Commit{File: file})
}
