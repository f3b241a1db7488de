package zfs

import (
	"fmt"
	"regexp"
	"strings"

	"poolctl/pooldef"
)

// zvols is where udev makes the links to volumes (zfs's 60-zvol.rules).
const zvols = "/dev/zvol/"

// longest is how long the name of a dataset can be (zfsconcepts(7)).
const longest = 255

// isPart tells the names that a dataset can have in its parent (zfsconcepts(7); ZFS takes blanks, too).
func isPart(name string) bool { return characters(name) && name != "." && name != ".." }

var characters = regexp.MustCompile(`^[a-zA-Z0-9_.: -]+$`).MatchString

// isIn reports whether ZFS could have a name for a dataset, or for what is in it or below: DATASET/NAME,
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

// isSnapshot tells the names that snapshots of any dataset have.
func isSnapshot(name string) bool {
	pool, _, _ := strings.Cut(zpool(name), "@")
	return strings.Contains(name, "@") && isPart(pool) && isIn(pool, name)
}

// isPartition tells the names that udev gives the partitions of volumes.
var isPartition = regexp.MustCompile(`-part[0-9]+$`).MatchString

// dataset returns the name of a pool's dataset, ZPOOL or ZPOOL/NAME...
func dataset(p *pooldef.Pool) (string, error) {
	name := p.Source.Name
	good := len(name) < longest && name != "" && (name[0] >= 'a' && name[0] <= 'z' || name[0] >= 'A' && name[0] <= 'Z')
	for part := range strings.SplitSeq(name, "/") {
		good = good && isPart(part)
	}
	if !good {
		return "", pooldef.Problems{{Element: "source/name", Text: fmt.Sprintf("%q cannot be the name of a zpool, or of a dataset in one", name)}}
	}
	return name, nil
}

// zpool returns the name of the zpool that a dataset is in.
func zpool(dataset string) string {
	name, _, _ := strings.Cut(dataset, "/")
	return name
}

// key is a volume's name as ZFS has it.
func key(p *pooldef.Pool, name string) string { return p.Source.Name + "/" + name }

func path(p *pooldef.Pool, name string) string { return link(key(p, name)) }

// link is where udev makes the link to a volume: there are no blanks in it (zfs's zvol_id).
func link(key string) string { return zvols + strings.ReplaceAll(key, " ", "+") }

// checkName returns nil if there could be a volume of that name.
func checkName(p *pooldef.Pool, name string) error {
	text := ""
	switch {
	case len(key(p, name)) > longest:
		text = fmt.Sprintf("with the dataset's, a name of %d bytes: ZFS has at most %d", len(key(p, name)), longest)
	case !isPart(name):
		text = fmt.Sprintf("%q: the names of volumes have the characters a-z A-Z 0-9 _ . : - and blanks", name)
	case isPartition(name):
		text = fmt.Sprintf("%q: names like that are for partitions of volumes", name)
	case tempNames.Match(name):
		text = fmt.Sprintf("%q: names like that are for volumes that are being made", name)
	}
	if text == "" {
		return nil
	}
	return pooldef.Problems{{Element: "name", Text: text}}
}
