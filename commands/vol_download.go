package commands

import (
	"fmt"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
)

// VolDownload is the verb vol-download.
type VolDownload struct {
	transferArgs
	InUse bool `help:"Copy also what somebody may be writing to, such as a guest that runs. The copy may be inconsistent."`
}

// Help implements kong.HelpProvider.
func (c *VolDownload) Help() string {
	return "A file takes its name when it is whole; one of that name that was there before stays until then.\n\n" +
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
		e.end()
	}
	return nil
}

// isStdout tells whether a file is standard output, where nothing may follow the data.
func isStdout(file string) bool { return file == "-" || isSameFile(file, "/dev/stdout") }

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
	v, err := e.findVolume(c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.unlock()
	p := v.entry.Current()
	downloader, err := backend.As[backend.Downloader](v.backend, p.Type, "downloading")
	if err != nil {
		return err
	}
	if isSameFile(c.File, v.Target.Path) {
		return &usageError{"vol-download", "the file is the volume itself"}
	}
	progress, done := e.progress()
	defer done()
	t.Progress = progress
	if c.File == "-" {
		to, isTerminal := rawOutput()
		if isTerminal && !e.cli.DryRun {
			return &usageError{"vol-download", "standard output is a terminal: a volume would garble it"}
		}
		return downloader.Download(e.ctx, p, v.Name, to, t)
	}
	return c.toFile(e, t, func(to *os.File, t backend.Transfer) error { return downloader.Download(e.ctx, p, v.Name, to, t) })
}

// toFile has a file written that takes its name when it is whole.
func (c *VolDownload) toFile(e *env, t backend.Transfer, write func(*os.File, backend.Transfer) error) error {
	draft, err := host.NewPendingFile(c.File, 0o666)
	if err != nil {
		return err
	}
	defer draft.Abort()
	if err := e.host.Change(e.ctx, draft); err != nil {
		return err
	}
	t.File = draft.Name()
	if err := write(draft.File(), t); err != nil {
		return err
	}
	return e.host.Change(e.ctx, host.Commit{File: draft})
}
