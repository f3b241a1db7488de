// Package qemuimg says what qemu-img(1) is to do with images: what libvirt says too, in words that cannot be misunderstood.
package qemuimg

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// formats are qemu-img's words for the formats of images that it can make. To it, an ISO image is a raw file.
var formats = map[string]string{
	"raw": "raw", "iso": "raw", "vpc": "vpc", "vdi": "vdi", "qcow": "qcow", "qcow2": "qcow2", "qed": "qed", "vmdk": "vmdk",
}

// Makes tells whether qemu-img can make images of a format.
func Makes(format string) bool { return formats[format] != "" }

// IsRaw tells whether an image of a format is nothing but the disk's bytes.
func IsRaw(format string) bool { return formats[format] == "raw" }

// A Key opens an image that is encrypted by LUKS.
type Key struct {
	File       string // where a shell finds the passphrase, in base64 if its name ends in that
	Passphrase []byte
}

// Device is a block device that data are written into. It may still have to be made.
func Device(path string) *Image {
	return &Image{Path: path, Format: "raw", isDevice: true, write: true}
}

// Made is an image in a stage that is written to. It may still have to be made.
func Made(path, format string, key *Key) *Image {
	return &Image{Path: path, Format: format, Key: key, write: true}
}

// driver is qemu's word for what an image is.
func (i *Image) driver() string {
	if format := formats[i.Format]; format != "raw" || i.Key == nil {
		return format
	}
	return "luks"
}

// protocol is qemu's word for what has an image's bytes.
func (i *Image) protocol() string {
	if i.isDevice {
		return "host_device"
	}
	return "file"
}

// prefix is what stands in front of the options of encryption: in qcow2, LUKS is a part of the image.
func (i *Image) prefix() string {
	if i.driver() == "luks" {
		return ""
	}
	return "encrypt."
}

// escape doubles commas, which part options.
func escape(value string) string { return strings.ReplaceAll(value, ",", ",,") }

// A line is a command line of qemu-img that grows.
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

// secret hands over a passphrase by a file descriptor and returns the name of the object that it is.
func (l *line) secret(k *Key) string {
	name, encoding, data := fmt.Sprintf("key%d", len(l.Inputs)), "raw", k.Passphrase
	if strings.HasSuffix(k.File, ".base64") {
		encoding, data = "base64", base64.StdEncoding.AppendEncode(nil, data)
	}
	l.add("--object", fmt.Sprintf("secret,id=%s,format=%s,file=%s", name, encoding, l.give(host.Input{File: k.File, Data: data})))
	return name
}

// give hands over an input, and returns where the program finds it.
func (l *line) give(in host.Input) string {
	l.Inputs = append(l.Inputs, in)
	return fmt.Sprintf("/dev/fd/%d", 2+len(l.Inputs))
}

// file hands over an image's file or device.
func (l *line) file(i *Image) string {
	return l.give(host.Input{File: i.Path, Open: i.file, Late: i.file == nil, Write: i.write})
}

// image names an image, and all that it is based on, as qemu's options in JSON. That nothing is below is said, too: otherwise qemu-img
// looks into the header.
func (l *line) image(i *Image) string {
	text, _ := json.Marshal(l.node(i)) // of text that is JSON's, whatever the path: only descriptors are in it, and "rbd:" names
	return "json:" + string(text)
}

func (l *line) node(i *Image) map[string]any {
	if i.isRemote { // by its name, as without one qemu takes what the header above says
		l.Confined.Network = true
		return map[string]any{"driver": "raw", "file": map[string]any{"driver": "rbd", "filename": i.Path}}
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

// target names an image that is written to, for --target-image-opts.
func (l *line) target(i *Image) string {
	options := "driver=" + i.driver()
	if i.Key != nil {
		options += "," + i.prefix() + "key-secret=" + l.secret(i.Key)
	}
	return options + ",file.driver=" + i.protocol() + ",file.filename=" + escape(l.file(i))
}

// show has qemu-img tell how far it is with so many bytes.
func (l *line) show(progress host.Progress, total uint64) {
	if progress == nil {
		return
	}
	l.Args[1] = "-p" // instead of -q
	l.OnOutput = percents(func(percent float64) { progress(uint64(percent/100*float64(total)), total) })
}

// Create makes an image of size bytes, as the definition says. It is made in the directory dir under the definition's name.
// backing is what it is an overlay of, if that has a path. qemu-img does not look at it, but for formats that take only their own.
func Create(d *pooldef.Volume, dir string, size uint64, backing Image, key *Key, preallocation string) host.Command {
	l := creating(d, &Image{Format: d.Target.Format, Key: key}, backing, preallocation)
	l.add("./"+d.Name, strconv.FormatUint(size, 10))
	l.Dir, l.Confined.InDir = dir, true
	return l.Command
}

// Encrypt makes a block device an image that is encrypted as the definition says, with room for size bytes.
func Encrypt(d *pooldef.Volume, device string, size uint64, key *Key) host.Command {
	i := Device(device)
	i.Key = key
	l := creating(d, i, Image{}, "")
	return l.add(l.file(i), strconv.FormatUint(size, 10)).Command
}

func creating(d *pooldef.Volume, i *Image, backing Image, preallocation string) *line {
	l := newLine("create", "-f", i.driver())
	if backing.Path != "" {
		l.add("-u", "-b", backing.Path)
		if belowOf[d.Target.Format] != "" { // there it is looked at all the same
			l.give(host.Input{File: backing.At, Late: true})
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

// clock is what qemu-img before 9.1 says every now and then when it measures how fast LUKS keys are made, where the kernel counts a
// thread's time in ticks.
const clock = "Unable to get accurate CPU usage"

// Convert makes a new image, as Create does, of the data of another. progress is told of bytes. Neither image is encrypted.
func Convert(source *Image, d *pooldef.Volume, dir, preallocation string, progress host.Progress) host.Command {
	l := converting(source, progress).add("-O", formats[d.Target.Format])
	if options := imageOptions(d, preallocation, Image{}); len(options) > 0 {
		l.add("-o", strings.Join(options, ","))
	}
	l.add(l.image(source), "./"+d.Name)
	l.Dir, l.Confined.InDir = dir, true
	return l.Command
}

// Into copies the data of an image into another image or device, which is there and large enough.
func Into(source, target *Image, progress host.Progress) host.Command {
	l := converting(source, progress)
	from, to := l.image(source), l.target(target)
	if target.Blank {
		l.add("--target-is-zero")
	}
	return l.add("-n", "--target-image-opts", from, to).Command
}

func converting(source *Image, progress host.Progress) *line {
	l := newLine("convert")
	l.show(progress, source.Capacity)
	if source.InUse {
		l.add("-U")
	}
	return l
}

// Resize changes the size of an image to size bytes. Of what it gets, preallocation tells how it gets room.
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
