package manual

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/pooldef"
)

// values returns the values that an argument or option can have.
func (c *completer) values(l *partialLine, v *kong.Value, typed string) (kind string, all []Candidate) {
	switch v.Name {
	case "verb":
		return words, append(visibleVerbs(l.model), topicCandidates()...)
	case "id", "skip":
		return words, c.source.Findings(false)
	case "only", "also":
		return words, eachAfter(lists(typed), c.source.Findings(v.Name == "also"))
	case "columns":
		return words, eachAfter(lists(typed), named(c.source.Fields(l.verb.Name)))
	case "type":
		all := named(pooldef.TypeNames())
		if placeholder(v) == "TYPES" {
			all = eachAfter(lists(typed), all)
		}
		return words, all
	}
	kind, names := c.names(l, v, typed)
	return kind, named(names)
}

// placeholder returns what the help shows for the value of an option. Of an argument, it is its name in
// capitals, unless the argument has a placeholder.
func placeholder(v *kong.Value) string { return cmp.Or(v.Tag.PlaceHolder, strings.ToUpper(v.Name)) }

// names returns the values that have no help.
func (c *completer) names(l *partialLine, v *kong.Value, typed string) (kind string, all []string) {
	if v.Enum != "" {
		return words, slices.DeleteFunc(strings.Split(v.Enum, ","), func(s string) bool { return s == "" })
	}
	switch v.Name {
	case "auth-type":
		return words, []string{"ceph", "chap", "cifs"}
	case "storage":
		return words, append(c.source.Pools(l.verb.Name), c.source.Volumes("", strings.HasPrefix(typed, "/"))...)
	case "snapshot":
		if l.verb.Name == "vol-snapshot-create" {
			return words, nil
		}
		return words, c.source.Snapshots(l.value("vol"), l.value("pool"))
	case "format", "backing-vol-format":
		return words, c.volumeFormats(l.value("pool"))
	case "source-format":
		return words, sourceFormats(pooldef.Type(l.value("type")))
	case "owner":
		return words, accounts("/etc/passwd")
	case "group":
		return words, accounts("/etc/group")
	case "source-path": // on the server
		return words, nil
	}
	switch placeholder(v) {
	case "POOL":
		return words, c.source.Pools(l.verb.Name)
	case "VOL", "BACKING-VOL":
		return words, c.source.Volumes(poolOfVolume(l, v.Name), strings.HasPrefix(typed, "/"))
	case "SECRET", "UUID":
		return words, c.source.Secrets()
	case "DIR":
		return directories, nil
	case "FILE", "PATH", "DEVICE":
		return files, nil
	}
	return words, nil
}

// lists returns what a word lists already, up to its last comma.
func lists(typed string) string { return typed[:strings.LastIndexByte(typed, ',')+1] }

// eachAfter returns each candidate after a text.
func eachAfter(text string, all []Candidate) []Candidate {
	for i := range all {
		all[i].Word = text + all[i].Word
	}
	return all
}

// poolOfVolume returns the pool that a line names for a volume. It is empty if the line names none.
func poolOfVolume(l *partialLine, volume string) string {
	if input := l.value("inputpool"); input != "" && volume == "vol" {
		return input
	}
	return l.value("pool")
}

// volumeFormats returns the volume formats of a pool, or of all types if pool is empty.
func (c *completer) volumeFormats(pool string) []string {
	var types []pooldef.Type
	if pool != "" {
		types = c.source.PoolTypes(pool)
	}
	var all []string
	for _, t := range pooldef.Types {
		if pool == "" || slices.Contains(types, t.Type) {
			all = append(all, t.VolumeFormats...)
		}
	}
	return all
}

// sourceFormats returns the source formats of a pool type, or of all types if there is no such type.
func sourceFormats(of pooldef.Type) []string {
	var all []string
	for _, t := range pooldef.Types {
		if of.Info() == nil || of == t.Type {
			all = append(all, t.Formats...)
		}
	}
	return all
}

// accounts returns the names in a file such as passwd(5) or group(5).
func accounts(file string) []string {
	text, _ := os.ReadFile(file)
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, ":"); ok && name != "" && !strings.ContainsAny(name[:1], "#+-") {
			names = append(names, name)
		}
	}
	return names
}
