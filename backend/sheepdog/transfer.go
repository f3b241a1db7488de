package sheepdog

import (
	"context"
	"io"
	"os"
	"strconv"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Upload implements backend.Uploader. dog cannot deallocate space, so zeros are skipped only in a volume that
// has no data.
func (b *Backend) Upload(
	ctx context.Context, p *pooldef.Pool, name string, from *os.File, t backend.Transfer,
) error {
	i, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	if i.snapshot {
		return snapshotError(i)
	}
	c, err := clusterOf(p)
	if err != nil {
		return err
	}
	write := func(offset, length uint64) host.Command {
		return c.vdi([]string{"write"}, name, strconv.FormatUint(offset, 10), strconv.FormatUint(length, 10))
	}
	return translateError(ctx, c, b.host.Change(ctx, host.PipeIn{
		Each: write, From: from, Name: t.File, Target: scheme + name, Size: i.size, Offset: t.Offset,
		Length: t.Length, Sparse: t.Sparse && i.used+i.shared == 0, Progress: t.Progress,
	}))
}

// Download implements backend.Downloader.
func (b *Backend) Download(
	ctx context.Context, p *pooldef.Pool, name string, to *os.File, t backend.Transfer,
) error {
	i, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	c, err := clusterOf(p)
	if err != nil {
		return err
	}
	options := []string{"read"}
	if i.snapshot {
		options = append(options, "-s", i.snapshotArg())
	}
	part := &part{offset: t.Offset, length: i.size - min(t.Offset, i.size)}
	if t.Length > 0 {
		part.length = min(part.length, t.Length)
	}
	read := c.vdi(options, i.name, strconv.FormatUint(part.offset, 10), strconv.FormatUint(part.length, 10))
	return translateError(ctx, c, b.host.Change(ctx, host.PipeOut{
		Command: read, Plain: c.vdi(options, i.name), Format: part, From: scheme + name, Size: i.size,
		To: to, Name: t.File, Offset: t.Offset, Length: t.Length, Sparse: t.Sparse, Progress: t.Progress,
	}))
}

// A part is a range of an image, as dog writes it to its standard output: data without a header.
type part struct {
	offset, length uint64
	read           bool
}

// Next implements host.PieceFormat. There is one extent.
func (p *part) Next(io.Reader) (offset, length uint64, hasData bool, err error) {
	if p.read {
		return 0, 0, false, io.EOF
	}
	p.read = true
	return p.offset, p.length, true, nil
}

// Begin, End, Data and Zeros implement host.PieceFormat. They are not used for sending, and the data has no
// framing.
func (p *part) Begin() []byte            { return nil }
func (p *part) End() []byte              { return nil }
func (p *part) Data(_, _ uint64) []byte  { return nil }
func (p *part) Zeros(_, _ uint64) []byte { return nil }
