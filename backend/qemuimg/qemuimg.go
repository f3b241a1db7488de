// Package qemuimg builds command lines of qemu-img(1): create, convert and resize images, encrypted and with
// backing files, and change their internal snapshots.
//
// The options are libvirt's, but every image is described completely, by driver, file and backing image, so
// that qemu-img neither guesses a format nor opens a file that only a header names. [Open] opens a volume and
// its backing chain for this purpose. Files and secrets are passed as descriptors, and the commands run
// confined ([host.Confinement]).
package qemuimg

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// formats maps libvirt's names of the formats that qemu-img can write to qemu-img's. For qemu-img, an ISO
// image is raw.
var formats = map[string]string{
	"raw": "raw", "iso": "raw", "vpc": "vpc", "vdi": "vdi", "qcow": "qcow", "qcow2": "qcow2", "qed": "qed",
	"vmdk": "vmdk",
}

// CanCreate reports whether qemu-img can write images of a format.
func CanCreate(format string) bool { return formats[format] != "" }

// IsRaw reports whether images of a format contain only the disk's data.
func IsRaw(format string) bool { return formats[format] == "raw" }

// A Key opens a LUKS-encrypted image.
type Key struct {
	File       string // file that contains the passphrase, in base64 if its name ends in .base64
	Passphrase []byte
}

// Device returns a block device as a target. The device need not exist yet.
func Device(path string) *Image {
	return &Image{Path: path, Format: "raw", isDevice: true, write: true}
}

// Made returns an image in a staging directory as a target. The image need not exist yet.
func Made(path, format string, key *Key) *Image {
	return &Image{Path: path, Format: format, Key: key, write: true}
}

// driver returns qemu's driver for the image's format.
func (i *Image) driver() string {
	if format := formats[i.Format]; format != "raw" || i.Key == nil {
		return format
	}
	return "luks"
}

// protocol returns qemu's driver for the image's file or device.
func (i *Image) protocol() string {
	if i.isDevice {
		return "host_device"
	}
	return "file"
}

// prefix returns the prefix of encryption options. In qcow2, LUKS is a part of the image.
func (i *Image) prefix() string {
	if i.driver() == "luks" {
		return ""
	}
	return "encrypt."
}

// escape doubles commas, which separate options.
func escape(value string) string { return strings.ReplaceAll(value, ",", ",,") }

// A line is a command line of qemu-img under construction.
type line struct{ host.Command }

func newLine(verb string, args ...string) *line {
	l := &line{host.Cmd("qemu-img", append([]string{verb, "-q"}, args...)...)}
	l.Confined, l.EndIfIdle = &host.Confinement{}, true
	return l
}

func (l *line) add(args ...string) *line {
	l.Args = append(l.Args, args...)
	return l
}

// secret passes a passphrase through a descriptor, and returns the name of qemu's secret object.
func (l *line) secret(k *Key) string {
	name, encoding, data := fmt.Sprintf("key%d", len(l.Inputs)), "raw", k.Passphrase
	if strings.HasSuffix(k.File, ".base64") {
		encoding, data = "base64", base64.StdEncoding.AppendEncode(nil, data)
	}
	l.add(
		"--object",
		fmt.Sprintf("secret,id=%s,format=%s,file=%s", name, encoding, l.pass(host.Input{File: k.File, Data: data})),
	)
	return name
}

// pass adds an input, and returns the path of its descriptor.
func (l *line) pass(in host.Input) string {
	l.Inputs = append(l.Inputs, in)
	return fmt.Sprintf("/dev/fd/%d", 2+len(l.Inputs))
}

// file adds an image's file or device as an input.
func (l *line) file(i *Image) string {
	return l.pass(host.Input{File: i.Path, Open: i.file, Late: i.file == nil, Write: i.write})
}

// image describes an image and its backing chain as qemu's JSON options. It states explicitly if there is no
// backing image; otherwise qemu-img would use the header's.
func (l *line) image(i *Image) string { return jsonOf(l.node(i)) }

func jsonOf(node map[string]any) string {
	text, _ := json.Marshal(node) // always UTF-8: contains only descriptors and "rbd:" names
	return "json:" + string(text)
}

func (l *line) node(i *Image) map[string]any {
	if i.isRemote { // the filename overrides the one in the overlay's header
		l.Confined.Network = true
		return map[string]any{"driver": "raw", "file": map[string]any{"driver": "rbd", "filename": i.Path}}
	}
	if i.ceph != nil {
		return map[string]any{"driver": "raw", "file": l.cephNode(i.ceph)}
	}
	node := map[string]any{"driver": i.driver()}
	if i.Key != nil {
		node[i.prefix()+"key-secret"] = l.secret(i.Key)
	}
	node["file"] = map[string]any{"driver": i.protocol(), "filename": l.file(i)}
	switch {
	case i.Backing != nil:
		node["backing"] = l.node(i.Backing)
	case i.driver() != "raw" && i.driver() != "luks":
		node["backing"] = nil
	}
	return node
}

// target describes a target image for --target-image-opts.
func (l *line) target(i *Image) string {
	options := "driver=" + i.driver()
	if i.Key != nil {
		options += "," + i.prefix() + "key-secret=" + l.secret(i.Key)
	}
	return options + ",file.driver=" + i.protocol() + ",file.filename=" + escape(l.file(i))
}

// show makes qemu-img report its progress, as a fraction of total bytes.
func (l *line) show(progress host.Progress, total uint64) {
	if progress == nil {
		return
	}
	l.Args[1] = "-p" // replaces -q
	l.OnOutput = percents(func(percent float64) { progress(uint64(percent/100*float64(total)), total) })
}

// Create returns the command that creates an image of size bytes according to a definition, in the directory
// dir under the definition's name. If backing has a path, the image is an overlay of it. qemu-img opens the
// backing file only for formats that require their own format.
func Create(
	d *pooldef.Volume, dir string, size uint64, backing Image, key *Key, preallocation string,
) host.Command {
	l := createLine(d, &Image{Format: d.Target.Format, Key: key}, backing, preallocation)
	l.add("./"+d.Name, strconv.FormatUint(size, 10))
	l.Dir, l.Confined.InDir = dir, true
	return l.Command
}

// Encrypt returns the command that encrypts a block device according to a definition, with a capacity of size
// bytes.
func Encrypt(d *pooldef.Volume, device string, size uint64, key *Key) host.Command {
	i := Device(device)
	i.Key = key
	l := createLine(d, i, Image{}, "")
	return l.add(l.file(i), strconv.FormatUint(size, 10)).Command
}

func createLine(d *pooldef.Volume, i *Image, backing Image, preallocation string) *line {
	l := newLine("create", "-f", i.driver())
	if backing.Path != "" {
		l.add("-u", "-b", backing.Path)
		if belowOf[d.Target.Format] != "" { // qemu-img opens the backing file despite -u
			l.pass(host.Input{File: backing.At, Late: true})
		}
	}
	options := encryption(l, d, i)
	if options = append(options, imageOptions(d, preallocation, backing)...); len(options) > 0 {
		l.add("-o", strings.Join(options, ","))
	}
	if i.Key != nil {
		l.RetryOn = clock
	}
	return l
}

// clock is an error that qemu-img before 9.1 sometimes reports when it measures the speed of key derivation,
// if the kernel accounts thread time in ticks.
const clock = "Unable to get accurate CPU usage"

// Convert returns the command that creates the image to, as Create does, from the data of another. progress
// gets numbers of bytes. Neither image is encrypted.
func Convert(
	source, to *Image, d *pooldef.Volume, preallocation string, progress host.Progress,
) host.Command {
	l := convertLine(source, progress)
	if to.Compress {
		l.add("-c")
	}
	l.add("-O", formats[d.Target.Format])
	if options := imageOptions(d, preallocation, Image{}); len(options) > 0 {
		l.add("-o", strings.Join(options, ","))
	}
	l.add(l.image(source), "./"+d.Name)
	l.Dir, l.Confined.InDir = filepath.Dir(to.Path), true
	return l.Command
}

// Into returns the command that copies an image's data into an existing image or device, which must be large
// enough.
func Into(source, target *Image, progress host.Progress) host.Command {
	l := convertLine(source, progress)
	from, to := l.image(source), l.target(target)
	if target.Blank {
		l.add("--target-is-zero")
	}
	return l.add("-n", "--target-image-opts", from, to).Command
}

func convertLine(source *Image, progress host.Progress) *line {
	l := newLine("convert")
	l.show(progress, source.Capacity)
	if source.InUse {
		l.add("-U")
	}
	if source.snapshot != nil {
		l.add("-l", snapshotOption(source.snapshot))
	}
	return l
}

// Resize returns the command that changes an image's size to size bytes. preallocation applies to the added
// space.
func Resize(i *Image, size uint64, shrink bool, preallocation string) host.Command {
	l := newLine("resize")
	if shrink {
		l.add("--shrink")
	}
	if preallocation != "" && preallocation != "off" {
		l.add("--preallocation=" + preallocation)
	}
	return l.add(l.image(i), strconv.FormatUint(size, 10)).Command
}
