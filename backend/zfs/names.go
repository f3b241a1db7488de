package zfs

import (
	"fmt"
	"strings"

	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// zvols is the directory of udev's links to volumes (zfs's 60-zvol.rules).
const zvols = "/dev/zvol/"

// maxName is the maximum length of a dataset's name in bytes (zfsconcepts(7)).
const maxName = 255

// isPart reports whether a dataset can have a name in its parent (zfsconcepts(7); ZFS also accepts spaces).
func isPart(name string) bool {
	return hasValidCharacters().MatchString(name) && name != "." && name != ".."
}

var hasValidCharacters = lazy.Regexp(`^[a-zA-Z0-9_.: -]+$`)

// isIn reports whether a name is valid for a dataset, or for a dataset or snapshot below it: DATASET/NAME,
// DATASET@SNAPSHOT.
func isIn(dataset, name string) bool {
	rest, found := strings.CutPrefix(name, dataset)
	path, snapshot, isSnapshot := strings.Cut(rest, "@")
	parts := strings.Split(path, "/")
	good := found && parts[0] == "" && (!isSnapshot || isPart(snapshot))
	for _, part := range parts[1:] {
		good = good && isPart(part)
	}
	return good
}

// isSnapshot reports whether a name is valid for a snapshot of any dataset.
func isSnapshot(name string) bool {
	pool, _, _ := strings.Cut(zpool(name), "@")
	return strings.Contains(name, "@") && isPart(pool) && isIn(pool, name)
}

// isPartition matches the names that udev gives to partitions of volumes.
var isPartition = lazy.Regexp(`-part[0-9]+$`)

// dataset returns the name of a pool's dataset, ZPOOL or ZPOOL/NAME...
func dataset(p *pooldef.Pool) (string, error) {
	name := p.Source.Name
	good := len(name) < maxName && name != "" &&
		(name[0] >= 'a' && name[0] <= 'z' || name[0] >= 'A' && name[0] <= 'Z')
	for part := range strings.SplitSeq(name, "/") {
		good = good && isPart(part)
	}
	if !good {
		return "", pooldef.Problems{{
			Element: "source/name",
			Text:    fmt.Sprintf("%q cannot be the name of a zpool, or of a dataset in one", name),
		}}
	}
	return name, nil
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	_, err := dataset(p)
	return err
}

// zpool returns the name of a dataset's zpool.
func zpool(dataset string) string {
	name, _, _ := strings.Cut(dataset, "/")
	return name
}

// key returns a volume's key, its full name in ZFS.
func key(p *pooldef.Pool, name string) string { return p.Source.Name + "/" + name }

func path(p *pooldef.Pool, name string) string { return link(key(p, name)) }

// link returns the path of udev's link to a volume. The link has + in place of spaces (zfs's zvol_id).
func link(key string) string { return zvols + strings.ReplaceAll(key, " ", "+") }

// checkName returns an error if no volume can have the name.
func checkName(p *pooldef.Pool, name string) error {
	text := ""
	switch {
	case len(key(p, name)) > maxName:
		text = fmt.Sprintf("with the dataset, the name has %d bytes: ZFS's limit is %d", len(key(p, name)), maxName)
	case !isPart(name):
		text = fmt.Sprintf("%q: volume names consist of a-z A-Z 0-9 _ . : - and blanks", name)
	case isPartition().MatchString(name):
		text = fmt.Sprintf("%q: such names are reserved for partitions of volumes", name)
	case tempNames.Match(name):
		text = fmt.Sprintf("%q: such names are reserved for volumes being created", name)
	}
	if text == "" {
		return nil
	}
	return pooldef.Problems{{Element: "name", Text: text}}
}
