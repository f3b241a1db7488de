package commands

import (
	"fmt"
	"path/filepath"
	"strconv"

	"poolctl/backend/driver"
	"poolctl/backend/fetch"
	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolFetch is the verb vol-fetch.
type VolFetch struct {
	Vol          string `arg:"" help:"Name of the new volume."`
	Url          string `arg:"" help:"URL of the image: https://, or file:// for a file of this machine."`
	Pool         string `arg:"" help:"Name or uuid of the pool."`
	Format       string `position:"" placeholder:"FORMAT" help:"Format of the volume (default: the image's, or raw in pools whose volumes are devices)."`
	Resize       string `placeholder:"SIZE" help:"Size of the volume, at least that of the disk in the image (default: the same)."`
	Sha256       string `name:"sha256" placeholder:"SUM" help:"SHA-256 checksum of the file at the URL."`
	Sha512       string `name:"sha512" placeholder:"SUM" help:"SHA-512 checksum of the file at the URL."`
	Checksums    string `placeholder:"URL" help:"List that has the checksum, such as SHA256SUMS."`
	Signature    string `placeholder:"URL" help:"Detached OpenPGP signature of that list. Needs --keyring."`
	Keyring      string `placeholder:"FILE" help:"Keys that may have signed the list, as gpgv reads them."`
	NoChecksum   bool   `help:"Trust the server: check no checksum."`
	InsecureHttp bool   `help:"Allow URLs that begin with http://."`
	MaxSize      string `placeholder:"SIZE" help:"Refuse an image that is larger, packed or not (default: what the volume needs with --resize, or the pool's available space)."`
	cacheArgs
	ifMissing
	changing
}

// Help implements kong.HelpProvider.
func (c *VolFetch) Help() string {
	return "The image can be packed by gzip, xz, zstd or bzip2, and have any format that qemu-img reads. " +
		"The checksum is that of the file as the server sends it; nothing reads the image before it is right. " +
		"An image that names other files, such as a backing file, is refused. A download with a checksum that " +
		"ends early is continued by the same command. curl downloads, and takes proxies and certificates from " +
		"the environment (https_proxy, no_proxy, SSL_CERT_FILE).\n\n" +
		"  poolctl vol-fetch vm1.qcow2 https://example.org/vm.qcow2 images \\\n" +
		"    --resize 20G --checksums https://example.org/SHA512SUMS\n" +
		"  poolctl vol-fetch root https://example.org/disk.raw.xz vg0 --sha256 SUM\n" +
		"  poolctl vol-fetch vm2.qcow2 file:///root/disk.vmdk images --format qcow2 \\\n" +
		"    --no-checksum"
}

// Run creates a volume.
func (c *VolFetch) Run(e *env) error {
	if err := c.run(e); err != nil {
		return fmt.Errorf("fetch volume %q: %w", c.Vol, err)
	}
	return nil
}

func (c *VolFetch) run(e *env) error {
	from, err := c.source(e)
	if err != nil {
		return err
	}
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Pool)
	defer unlock()
	if err != nil {
		return err
	}
	p := entry.Current()
	v, err := c.volume(p)
	if err == nil {
		err = driver.CheckFormat(p, c.Format)
	}
	if err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	work := func() error {
		if c.Checksums != "" {
			list := fetch.Checksums{URL: c.Checksums, Signature: c.Signature, Keyring: c.Keyring}
			if from.Sum, err = list.Find(e.ctx, e.driver.Host, from); err != nil {
				return err
			}
		}
		return e.driver.Fetch(e.ctx, b, p, v, from, progress)
	}
	return c.create(e, b, p, v, work, "Vol %s created from %s", c.Vol, c.Url)
}

// volume returns the definition of the volume, as vol-create-from would read it. Its format is empty if none
// is given.
func (c *VolFetch) volume(p *pooldef.Pool) (*pooldef.Volume, error) {
	root := xmltree.NewElement("volume")
	root.AddText("name", c.Vol)
	if c.Resize != "" {
		size, err := format.ParseSize(c.Resize)
		if err != nil {
			return nil, &usageError{"vol-fetch", fmt.Sprintf("resize: %v", err)}
		}
		root.AddText("capacity", strconv.FormatUint(size, 10))
	}
	if c.Format != "" {
		root.Add(xmltree.NewElement("target")).Add(xmltree.NewElement("format", "type", c.Format))
	}
	v, err := codec.CopyFromElement(root, p.Type.Info())
	if err == nil && c.Format == "" {
		v.Target.Format = ""
	}
	return v, err
}

// source returns what is to be downloaded, except the sum that a list has.
func (c *VolFetch) source(e *env) (from fetch.Source, err error) {
	from = fetch.Source{URL: c.Url, Insecure: c.InsecureHttp, Timeout: e.timeout()}
	if from.Sum, err = c.sum(); err != nil {
		return from, err
	}
	if c.MaxSize != "" {
		if from.MaxSize, err = format.ParseSize(c.MaxSize); err != nil {
			return from, &usageError{"vol-fetch", fmt.Sprintf("max-size: %v", err)}
		}
	}
	if c.Keyring != "" {
		if c.Keyring, err = filepath.Abs(c.Keyring); err != nil {
			return from, err
		}
	}
	from.Dir, err = cacheDir(c.CacheDir)
	return from, err
}

// sum returns the sum that the command line has, if any, and checks that it says one way to check the data.
func (c *VolFetch) sum() (sum fetch.Sum, err error) {
	ways := 0
	for _, given := range []bool{c.Sha256 != "", c.Sha512 != "", c.Checksums != "", c.NoChecksum} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return sum, &usageError{"vol-fetch",
			"give --sha256, --sha512 or --checksums; --no-checksum trusts the server"}
	case ways > 1:
		return sum, &usageError{"vol-fetch", "--sha256, --sha512, --checksums and --no-checksum exclude each other"}
	case (c.Signature == "") != (c.Keyring == ""), c.Signature != "" && c.Checksums == "":
		return sum, &usageError{"vol-fetch", "--checksums, --signature and --keyring belong together"}
	}
	for algorithm, text := range map[string]string{"sha256": c.Sha256, "sha512": c.Sha512} {
		if text == "" {
			continue
		}
		var ok bool
		if sum, ok = fetch.ParseSum(text); !ok || sum.Algorithm != algorithm {
			return sum, &usageError{"vol-fetch", fmt.Sprintf("%q is no %s checksum", text, algorithm)}
		}
	}
	return sum, nil
}
