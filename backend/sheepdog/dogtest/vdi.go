package dogtest

import (
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"
)

// maxName is the maximum length of a name. Longer names are truncated.
const maxName = 255

// trouble returns the reason why images cannot be used, or "".
func (t *tool) trouble() string {
	switch {
	case !t.cluster.Formatted:
		return "Waiting for cluster to be formatted"
	case t.cluster.Trouble == Waiting:
		return "Waiting for other nodes to join cluster"
	}
	return ""
}

func (t *tool) list() int {
	for _, i := range t.cluster.Images {
		if t.cluster.Trouble == Waiting {
			fmt.Fprintf(
				t.err, "Failed to read object 80%06x00000000 %s\nFailed to read inode header\n", i.ID, t.trouble(),
			)
			continue
		}
		if len(t.args) > 0 && i.Name != t.args[0] {
			continue
		}
		flag := "="
		switch {
		case i.Snapshot > 0:
			flag = "s"
		case i.Clone:
			flag = "c"
		}
		mine, shared := i.used()
		t.print(
			"%s %s %d %d %d %d %d %x %s %s %d\n", flag, escaped(i.Name), i.Snapshot, i.Size, mine, shared, i.Created,
			i.ID, i.Copies, i.Tag, shift,
		)
	}
	return exitSuccess
}

// escaped returns a name as dog prints it: with a backslash before white space (isspace(3)) and backslashes.
func escaped(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if strings.IndexByte(" \t\n\v\f\r\\", c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// size parses a number of bytes with one of dog's units.
func (t *tool) size(text string) (n uint64, ok bool) {
	number := strings.TrimRight(text, "BKMGTP")
	unit := map[string]int{"": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}
	by, known := unit[text[len(number):]]
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || f < 0 {
		fmt.Fprintf(
			t.err,
			"Invalid size '%s'\nYou may use B, K, M, G, T or P suffixes for bytes, kilobytes, megabytes, "+
				"gigabytes, terabytes and petabytes.\n", text,
		)
		return 0, false
	}
	if n, err = strconv.ParseUint(number, 10, 64); err == nil {
		return n << by, true
	}
	return uint64(f * float64(uint64(1)<<by)), true
}

func (t *tool) create() int {
	if len(t.args) < 2 {
		return t.fail(exitUsage, "Please specify the VDI size")
	}
	size, ok := t.size(t.args[1])
	if !ok {
		return exitUsage
	}
	if size > 4<<40 && !t.is('y') {
		return t.fail(
			exitUsage,
			"VDI size is larger than 4.0 TB bytes, please use '-y' to create a hyper volume with size up to 16 "+
				"PB bytes "+
				"or use '-z' to create larger object size volume",
		)
	}
	copies := t.options['c']
	if copies == "" {
		copies = "1"
	}
	i := &inode{Name: t.args[0], Size: size, Copies: copies, Hyper: t.is('y'), Objects: map[uint64]uint32{}}
	status := t.add(i)
	if status == exitSuccess && t.is('P') {
		for index := uint64(0); index*objectSize < size; index++ {
			i.Objects[index] = i.ID
		}
		status = t.save()
	}
	return status
}

// add creates an image, unless the name exists.
func (t *tool) add(i *inode) int {
	whole := i.Name
	i.Name = whole[:min(len(whole), maxName)]
	text := t.trouble()
	if text == "" && t.cluster.find(i.Name, snapshot{}) != nil {
		text = "VDI exists already"
	}
	if text != "" {
		return t.fail(exitFailure, "Failed to create VDI %s: %s", whole, text)
	}
	if i.Name == "" { // dog creates it, but never lists it
		return exitSuccess
	}
	i.Created = time.Now().Unix()
	t.cluster.add(i)
	return t.save()
}

func (t *tool) save() int {
	if err := t.cluster.save(); err != nil {
		return t.fail(exitFailure, "the stand-in for dog: %v", err)
	}
	return exitSuccess
}

// which parses the option that selects a snapshot.
func (t *tool) which() snapshot {
	text := t.options['s']
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return snapshot{number: uint32(n)}
	}
	return snapshot{tag: text}
}

func (t *tool) cannotOpen(name string) string {
	which := t.which()
	return fmt.Sprintf("Failed to open VDI %s (snapshot id: %d snapshot tag: %s)", name, which.number, which.tag)
}

// image returns the selected image, or prints an error and returns nil.
func (t *tool) image(which snapshot) *inode {
	text := t.trouble()
	if text == "" {
		if i := t.cluster.find(t.args[0], which); i != nil {
			return i
		}
		if text = "No VDI found"; !which.isNone() && t.cluster.find(t.args[0], snapshot{}) != nil {
			text = "Failed to find the requested tag"
		}
	}
	t.fail(exitFailure, "%s: %s", t.cannotOpen(t.args[0]), text)
	return nil
}

func (t *tool) delete() int {
	if i := t.image(t.which()); i != nil {
		if err := t.cluster.remove(i); err != nil {
			t.fail(exitFailure, "%v", err)
		}
		t.save()
	}
	return exitSuccess // dog never fails here
}

func (t *tool) resize() int {
	if len(t.args) < 2 {
		return t.fail(exitUsage, "Please specify the new size for the VDI")
	}
	size, ok := t.size(t.args[1])
	if !ok {
		return exitUsage
	}
	i := t.image(snapshot{})
	switch {
	case i == nil:
		return exitFailure
	case size > 4<<40 && !i.Hyper:
		return t.fail(exitUsage, "New VDI size is too large")
	case size < i.Size:
		return t.fail(exitUsage, "Shrinking VDIs is not implemented")
	}
	i.Size = size
	return t.save()
}

// snapshot turns a VDI into a snapshot, and creates a new VDI with the same data.
func (t *tool) snapshot() int {
	which := t.which()
	if which.number > 0 {
		return t.fail(exitUsage, "Please specify a non-integer value for a snapshot tag name")
	}
	i := t.image(snapshot{})
	switch {
	case i == nil:
		return exitFailure
	case which.tag != "" && t.cluster.find(i.Name, which) != nil:
		return t.fail(
			exitFailure, "Failed to create snapshot for %s, maybe snapshot id (0) or tag (%s) is existed", i.Name,
			which.tag,
		)
	case i.Hyper:
		return t.fail(exitFailure, "creating a snapshot of hypervolume is not supported")
	}
	now := *i
	now.Objects, now.Created, now.Clone = maps.Clone(i.Objects), time.Now().Unix(), false
	i.Snapshot, i.Tag, i.Clone = i.Next, which.tag, false
	t.cluster.add(&now)
	return t.save()
}

func (t *tool) clone() int {
	if len(t.args) < 2 {
		return t.fail(exitUsage, "Destination VDI name must be specified")
	}
	if t.which().isNone() {
		return t.fail(exitUsage, "Only snapshot VDIs can be cloned\nPlease specify the '-s' option")
	}
	from := t.image(t.which())
	if from == nil {
		return exitFailure
	}
	return t.add(
		&inode{
			Name:    t.args[1],
			Size:    from.Size,
			Copies:  from.Copies,
			Clone:   true,
			Objects: maps.Clone(from.Objects),
		},
	)
}

// part parses the arguments for a part of an image.
func (t *tool) part(i *inode, doing string) (offset, length uint64, status int) {
	length = i.Size
	for n, into := range []*uint64{&offset, &length} {
		if len(t.args) > n+1 {
			var ok bool
			if *into, ok = t.size(t.args[n+1]); !ok {
				return 0, 0, exitUsage
			}
		}
	}
	if offset > i.Size {
		return 0, 0, t.fail(exitFailure, "%s offset is beyond the end of the VDI", doing)
	}
	return offset, min(length, i.Size-offset), exitSuccess
}

func (t *tool) read() int {
	i := t.image(t.which())
	if i == nil {
		return exitFailure
	}
	offset, length, status := t.part(i, "Read")
	for end := offset + length; status == exitSuccess && offset < end; {
		data, err := t.cluster.read(i, offset/objectSize)
		if err != nil {
			return t.fail(exitFailure, "Failed to read VDI")
		}
		begin := offset % objectSize
		n := min(end-offset, objectSize-begin)
		part := make([]byte, n)
		copy(part, data[min(begin, uint64(len(data))):])
		if _, err := t.out.Write(part); err != nil {
			return t.fail(exitSystem, "Failed to write to stdout: %v", err)
		}
		offset += n
	}
	return status
}

// write writes its standard input. If the input is too short, it writes zeros to the end of an object, as dog
// does.
func (t *tool) write() int {
	i := t.image(snapshot{})
	if i == nil {
		return exitFailure
	}
	offset, length, status := t.part(i, "Write")
	for end := offset + length; status == exitSuccess && offset < end; {
		begin := offset % objectSize
		b := make([]byte, min(end-offset, objectSize-begin))
		n, err := io.ReadFull(t.in, b)
		if n < len(b) && err != io.EOF && err != io.ErrUnexpectedEOF {
			return t.fail(exitSystem, "Failed to read from stdin: %v", err)
		}
		if err := t.cluster.write(i, offset/objectSize, begin, b); err != nil {
			return t.fail(exitFailure, "Failed to write VDI")
		}
		if status = t.save(); n < len(b) {
			break
		}
		offset += uint64(len(b))
	}
	return status
}
