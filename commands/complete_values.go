package commands

import (
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// values returns what an argument or option can be.
func (e *env) values(l *partialLine, v *kong.Value, typed string) (kind string, all []string) {
	if v.Enum != "" {
		return words, slices.DeleteFunc(strings.Split(v.Enum, ","), func(s string) bool { return s == "" })
	}
	switch v.Name {
	case "type":
		return words, pooldef.TypeNames()
	case "auth-type":
		return words, []string{"ceph", "chap", "cifs"}
	case "pool", "inputpool":
		return words, e.poolNames(l.verb.Name)
	case "vol", "backing-vol":
		return words, e.volumeNames(poolOfVolume(l, v.Name), strings.HasPrefix(typed, "/"))
	case "format", "backing-vol-format":
		return words, e.volumeFormats(l.value("pool"))
	case "source-format":
		return words, sourceFormats(pooldef.Type(l.value("type")))
	case "secret", "secret-uuid":
		return words, e.secretUUIDs()
	case "verb":
		return words, visibleVerbs(l.model)
	case "owner":
		return words, accounts("/etc/passwd")
	case "group":
		return words, accounts("/etc/group")
	case "config-dir", "run-dir", "libvirt-dir", "target":
		return directories, nil
	case "file", "srcSpec", "source-dev":
		return files, nil
	}
	return words, nil
}

// poolNames are the pools that a verb can work on.
func (e *env) poolNames(verb string) []string {
	want, limited := poolStates[verb]
	if strings.HasPrefix(verb, "vol-") {
		want, limited = true, true
	}
	var names []string
	for _, s := range e.statuses(e.poolsNamed("")) {
		if !limited || s.active == want {
			names = append(names, s.entry.Name)
		}
	}
	return names
}

// poolStates tells which verbs need a pool that is active, or one that is not.
var poolStates = map[string]bool{
	"pool-start": false, "pool-delete": false, "pool-build": false, "pool-undefine": false, "pool-destroy": true, "pool-refresh": true,
}

// poolOfVolume is the pool of a volume that a line names: empty if it names none.
func poolOfVolume(l *partialLine, volume string) string {
	if input := l.value("inputpool"); input != "" && volume == "vol" {
		return input
	}
	return l.value("pool")
}

// poolsNamed are the pools with a name or uuid; all if that is empty.
func (e *env) poolsNamed(name string) []*store.Entry {
	entries, _ := e.store.All()
	return slices.DeleteFunc(entries, func(entry *store.Entry) bool {
		return entry.Err != nil || name != "" && name != entry.Name && name != entry.Current().UUID
	})
}

// volumeNames are the names, or the paths, of the volumes in a pool; in all pools if none is named.
func (e *env) volumeNames(pool string, paths bool) []string {
	return slices.Concat(inParallel(e.poolsNamed(pool), func(entry *store.Entry) []string {
		p := entry.Current()
		b, ok := e.backends[p.Type]
		if _, located := b.(backend.Locator); !ok || !located { // no questions to servers from a shell's prompt
			return nil
		}
		if active, err := e.active(entry); err != nil || !active {
			return nil
		}
		names, _ := ask(e, p, func() (names []string, err error) {
			for v, err := range b.Volumes(e.ctx, p) {
				switch {
				case err != nil:
					return names, err
				case paths:
					names = append(names, v.Target.Path)
				default:
					names = append(names, v.Name)
				}
			}
			return names, nil
		})
		return names
	})...)
}

// volumeFormats are the formats of volumes of a pool; of all pools if none is named.
func (e *env) volumeFormats(pool string) []string {
	var all []string
	for _, t := range pooldef.Types {
		isType := func(entry *store.Entry) bool { return entry.Current().Type == t.Type }
		if pool == "" || slices.ContainsFunc(e.poolsNamed(pool), isType) {
			all = append(all, t.VolumeFormats...)
		}
	}
	return all
}

// sourceFormats are the formats of the source of a type of pools; of all types if none is named.
func sourceFormats(of pooldef.Type) []string {
	var all []string
	for _, t := range pooldef.Types {
		if of.Info() == nil || of == t.Type {
			all = append(all, t.Formats...)
		}
	}
	return all
}

// secretUUIDs are those of the secrets that can be used.
func (e *env) secretUUIDs() []string {
	entries, _ := e.store.Secrets()
	var ids []string
	for _, entry := range entries {
		if entry.Err == nil {
			ids = append(ids, entry.UUID)
		}
	}
	return ids
}

// accounts are the names in a file such as passwd(5) or group(5).
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
