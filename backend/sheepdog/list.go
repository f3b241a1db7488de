package sheepdog

import (
	"fmt"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
)

// An image is a VDI or a snapshot of one.
type image struct {
	name         string
	snapshot     bool
	id           uint64 // of a snapshot: its number among snapshots of the same name
	tag          string // of a snapshot; may be empty
	size         uint64
	used, shared uint64 // in bytes, used by this image alone and with others
	created      time.Time
	hidden       bool // another image has the same volume name
}

// volumeName returns the name of the image's volume. QEMU also writes snapshots as NAME:TAG.
func (i *image) volumeName() string {
	switch {
	case !i.snapshot:
		return i.name
	case i.tag == "":
		return fmt.Sprintf("%s:%d", i.name, i.id)
	}
	return i.name + ":" + i.tag
}

// parseSpace parses the output of `dog node info -r`: a line for each node, and one for the total.
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
	return s, unexpectedOutput(text)
}

// parseImages parses the output of `dog vdi list -r`: a line for each image, in no particular order.
//
//	s t1 1 134217728 0 0 1795354216 6a5e16 1 snap1 22
//	= with\ space 0 8388608 0 0 1795354217 eceaa7 1  22
//
// The fields are: = or c (a clone) for an image, s for a snapshot; name; number of the snapshot; size; bytes
// used and shared; time; id; copies; tag; and, since version 1.0, the size of objects. In a name, a backslash
// precedes white space, including a newline.
func parseImages(text string) ([]*image, error) {
	var all []*image
	for rest := text; rest != ""; {
		flag, name, behind, ok := cutName(rest)
		line, more, _ := strings.Cut(behind, "\n")
		rest = more
		fields := strings.SplitN(line, " ", 8)
		if !ok || len(fields) < 8 || strings.IndexByte("=cs", flag[0]) < 0 {
			return nil, unexpectedOutput(text)
		}
		i := &image{name: name, snapshot: flag == "s"}
		var seconds uint64
		names := []string{"id", "size", "used size", "shared size", "creation time"}
		err := numbers(names, fields, &i.id, &i.size, &i.used, &i.shared, &seconds)
		i.created = time.Unix(int64(seconds), 0)
		if err == nil {
			err = backend.CheckSizes("dog", "used and shared size", i.used, i.shared)
		}
		if name == "" || len(name) > maxName {
			err = &backend.AnswerError{Tool: "dog", Field: "name", Text: name}
		}
		if err != nil {
			return nil, err
		}
		if i.snapshot { // a failed snapshot may have left its tag on the VDI
			i.tag = tagOf(fields[7])
		}
		all = append(all, i)
	}
	hide(all)
	return all, nil
}

// hide marks images that share a volume name with another, except the one that dog selects by the name: the
// VDI, or the oldest snapshot.
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

// tagOf removes the object size from the end of a line.
func tagOf(text string) string {
	if end := strings.LastIndex(text, " "); end >= 0 {
		return text[:end]
	}
	return text
}

// cutName splits the flag and the name from the start of a text.
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

// numbers parses the first words as numbers. fields are the words' names, for errors.
func numbers(fields, words []string, into ...*uint64) error {
	for i, n := range into {
		var err error
		if *n, err = backend.ParseSize("dog", fields[i], words[i]); err != nil {
			return err
		}
	}
	return nil
}

func unexpectedOutput(text string) error {
	const most = 200
	return fmt.Errorf("this is not what dog should print: %.*q", most, text)
}
