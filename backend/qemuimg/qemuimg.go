// Package qemuimg says what qemu-img(1) is to do with images: what libvirt says too, in words that cannot be misunderstood.
package qemuimg

import (
	"encoding/base64"
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

// An Image is an image as qemu-img is told of it.
type Image struct {
	Path   string
	Format string // libvirt's word
	Key    *Key   // of an encrypted image
	InUse  bool   // others may be writing to it while it is read
	Blank  bool   // it is new and reads as zeros, which are not written into it
}

// A Key opens an image that is encrypted by LUKS.
type Key struct {
	File       string // where a shell finds the passphrase, in base64 if its name ends in that
	Passphrase []byte
}

// driver is qemu's word for what an image is.
func (i Image) driver() string {
	if format := formats[i.Format]; format != "raw" || i.Key == nil {
		return format
	}
	return "luks"
}

// options name the image for --image-opts. object is the secret that its key is.
func (i Image) options(object string) string {
	options := "driver=" + i.driver() + ",file.filename=" + escape(i.Path)
	if i.Key != nil {
		options += "," + i.prefix() + "key-secret=" + object
	}
	return options
}

// prefix is what stands in front of the options of encryption: in qcow2, LUKS is a part of the image.
func (i Image) prefix() string {
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
	return &line{host.Cmd("qemu-img", append([]string{verb, "-q"}, args...)...)}
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
	l.add("--object", fmt.Sprintf("secret,id=%s,format=%s,file=/dev/fd/%d", name, encoding, 3+len(l.Inputs)))
	l.Inputs = append(l.Inputs, host.Input{File: k.File, Data: data})
	return name
}

// show has qemu-img tell how far it is with so many bytes.
func (l *line) show(progress host.Progress, total uint64) {
	if progress == nil {
		return
	}
	l.Args[1] = "-p" // instead of -q
	l.Watch = percents(func(percent float64) { progress(uint64(percent/100*float64(total)), total) })
}

// Create makes an image of size bytes, as the definition says. It is made in the directory dir under the definition's name.
// backing is what it is an overlay of, if that has a path; qemu-img does not look at it.
func Create(d *pooldef.Volume, dir string, size uint64, backing Image, key *Key, preallocation string) host.Command {
	image := Image{Path: "./" + d.Name, Format: d.Target.Format, Key: key}
	l := newLine("create", "-f", image.driver())
	if backing.Path != "" {
		l.add("-u", "-b", backing.Path)
	}
	options := encryption(l, d, image)
	if options = append(options, imageOptions(d, preallocation, backing)...); len(options) > 0 {
		l.add("-o", strings.Join(options, ","))
	}
	l.add(image.Path, strconv.FormatUint(size, 10))
	l.Dir = dir
	if key != nil {
		l.Again = clock
	}
	return l.Command
}

// clock is what qemu-img before 9.1 says every now and then when it measures how fast LUKS keys are made, where the kernel counts a
// thread's time in ticks.
const clock = "Unable to get accurate CPU usage"

// Convert makes a new image, as Create does, of the data of another. capacity is how many bytes progress is told of. Neither image
// is encrypted.
func Convert(source Image, d *pooldef.Volume, dir, preallocation string, progress host.Progress, capacity uint64) host.Command {
	target := Image{Path: "./" + d.Name, Format: d.Target.Format}
	l := converting(source, progress, capacity).add("-f", source.driver(), "-O", target.driver())
	if options := imageOptions(d, preallocation, Image{}); len(options) > 0 {
		l.add("-o", strings.Join(options, ","))
	}
	l.add(source.Path, target.Path)
	l.Dir = dir
	return l.Command
}

// Into copies the data of an image into another image or device, which is there and large enough. dir is where it runs.
func Into(source, target Image, dir string, progress host.Progress, capacity uint64) host.Command {
	l := converting(source, progress, capacity)
	var names [2]string
	for i, key := range []*Key{source.Key, target.Key} {
		if key != nil {
			names[i] = l.secret(key)
		}
	}
	if target.Blank {
		l.add("--target-is-zero")
	}
	l.add("-n", "--image-opts", "--target-image-opts", source.options(names[0]), target.options(names[1]))
	l.Dir = dir
	return l.Command
}

func converting(source Image, progress host.Progress, capacity uint64) *line {
	l := newLine("convert")
	l.show(progress, capacity)
	if source.InUse {
		l.add("-U")
	}
	return l
}

// Resize changes the size of an image in the directory dir to size bytes. Of what it gets, preallocation tells how it gets room.
func Resize(image Image, dir string, size uint64, shrink bool, preallocation string) host.Command {
	l := newLine("resize")
	if shrink {
		l.add("--shrink")
	}
	if preallocation != "" && preallocation != "off" {
		l.add("--preallocation=" + preallocation)
	}
	if image.Key == nil {
		l.add("-f", image.driver(), image.Path)
	} else {
		name := l.secret(image.Key)
		l.add("--image-opts", image.options(name))
	}
	l.add(strconv.FormatUint(size, 10))
	l.Dir = dir
	return l.Command
}
