package sheepdog

import (
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// An image is what a cluster has: a VDI as it is now, or a snapshot of it.
type image struct {
	name         string
	snapshot     bool
	id           uint64 // of a snapshot, among those of its name
	tag          string // of a snapshot, may be empty
	size         uint64
	used, shared uint64 // bytes that it has for itself, and with others
	hidden       bool   // it is called as another is
}

// volumeName is what an image is called as a volume. QEMU takes what is behind a colon for a snapshot, too.
func (i *image) volumeName() string {
	switch {
	case !i.snapshot:
		return i.name
	case i.tag == "":
		return fmt.Sprintf("%s:%d", i.name, i.id)
	}
	return i.name + ":" + i.tag
}

// parseSpace reads what `dog node info -r` prints: a line for each node and one for all.
//
//	Total 80759431168 4096 80759427072 0% 1073741824
func parseSpace(text string) (pooldef.Space, error) {
	var s pooldef.Space
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 3 && fields[0] == "Total" {
			names := []string{"total size", "used size", "available size"}
			return s, numbers(names, fields[1:], &s.Capacity, &s.Allocation, &s.Available)
		}
	}
	return s, unknown(text)
}

// parseImages reads what `dog vdi list -r` prints, a line for each image, in no order.
//
//	s t1 1 134217728 0 0 1795354216 6a5e16 1 snap1 22
//	= with\ space 0 8388608 0 0 1795354217 eceaa7 1  22
//
// These are: = or c (a clone) for an image, s for a snapshot; name; number of the snapshot; size; bytes used and shared; time; id;
// copies; tag; and, since version 1.0, the size of objects. A backslash is in front of what is white space in a name, also of a new line.
func parseImages(text string) ([]*image, error) {
	var all []*image
	for rest := text; rest != ""; {
		flag, name, behind, ok := cutName(rest)
		line, more, _ := strings.Cut(behind, "\n")
		rest = more
		fields := strings.SplitN(line, " ", 8)
		if !ok || len(fields) < 8 || strings.IndexByte("=cs", flag[0]) < 0 {
			return nil, unknown(text)
		}
		i := &image{name: name, snapshot: flag == "s"}
		names := []string{"id", "size", "used size", "shared size"}
		err := numbers(names, fields, &i.id, &i.size, &i.used, &i.shared)
		if err == nil {
			err = backend.CheckSizes("dog", "used and shared size", i.used, i.shared)
		}
		if name == "" || len(name) > longest {
			err = &backend.AnswerError{Tool: "dog", Field: "name", Text: name}
		}
		if err != nil {
			return nil, err
		}
		if i.snapshot { // one that has failed may have left its tag at the image itself
			i.tag = tagOf(fields[7])
		}
		all = append(all, i)
	}
	hide(all)
	return all, nil
}

// hide leaves of several that are called alike the image, or the oldest snapshot: dog takes one of them by
// its name.
func hide(all []*image) {
	called := make(map[string]*image, len(all))
	for _, i := range all {
		first := called[i.volumeName()]
		if first == nil || first.snapshot && (!i.snapshot || i.id < first.id) {
			called[i.volumeName()] = i
		}
	}
	for _, i := range all {
		i.hidden = called[i.volumeName()] != i
	}
}

// tagOf takes the size of objects off the end of a line.
func tagOf(text string) string {
	if end := strings.LastIndex(text, " "); end >= 0 {
		return text[:end]
	}
	return text
}

// cutName takes the flag and the name off the front of a text.
func cutName(text string) (flag, name, behind string, ok bool) {
	flag, text, ok = strings.Cut(text, " ")
	var b strings.Builder
	for at := 0; ok && at < len(text); at++ {
		switch {
		case text[at] == '\\' && at+1 < len(text):
			at++
		case text[at] == ' ':
			return flag, b.String(), text[at+1:], len(flag) == 1
		}
		b.WriteByte(text[at])
	}
	return "", "", "", false
}

// numbers reads the first of some words, in which dog reports these fields.
func numbers(fields, words []string, into ...*uint64) error {
	for i, n := range into {
		var err error
		if *n, err = backend.ParseSize("dog", fields[i], words[i]); err != nil {
			return err
		}
	}
	return nil
}

func unknown(text string) error {
	const most = 200
	return fmt.Errorf("this is not what dog should print: %.*q", most, text)
}
