package driver

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// volumeKey is the key in look.byPath for a volume that a domain names by its pool.
func volumeKey(pool, volume string) string { return "volume:" + pool + "/" + volume }

// networkKey is the key in look.byPath for a network disk. Volumes have it by their URIs: protocol:image,
// protocol://host/image, or image. A domain may name a snapshot (@).
func networkKey(protocol, uri string) string {
	image := strings.TrimPrefix(uri, protocol+":")
	if rest, ok := strings.CutPrefix(image, "//"); ok {
		_, image, _ = strings.Cut(rest, "/")
	}
	image, _, _ = strings.Cut(image, "@")
	return protocol + ":" + image
}

// users returns the users of a volume in the order of their kinds.
func (l *look) users(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume) ([]User, error) {
	name := nameOf(p, v)
	if name.isLocal() {
		name.at = filepath.Join(l.dirs.canonical(ctx, filepath.Dir(name.at)), v.Name)
	}
	var found []User
	add := func(u *User, needsOld bool) {
		same := func(o User) bool { return o.Kind == u.Kind && o.Name == u.Name && o.As == u.As }
		isSelf := u.Kind == OverlayUser && u.Name == v.Target.Path
		if i := slices.IndexFunc(found, same); i >= 0 {
			found[i].needsOld = found[i].needsOld || needsOld
		} else if !isSelf {
			copied := *u
			copied.needsOld = needsOld
			found = append(found, copied)
		}
	}
	keys := []string{name.at, volumeKey(p.Name, v.Name)}
	if !name.isLocal() {
		keys = append(keys, networkKey(string(p.Type), v.Target.Path))
	}
	for _, key := range keys {
		for _, u := range l.byPath[key] {
			add(u, true)
		}
	}
	for _, s := range l.pools {
		if !name.isLocal() && name.contains(s.Pool) {
			add(&User{Kind: PoolUser, Name: s.Entry.Name, State: stateOf(s), As: "target"}, true)
		}
	}
	if name.isLocal() {
		if err := l.addFile(ctx, v, add); err != nil {
			return nil, err
		}
	}
	order := []UserKind{OverlayUser, SnapshotUser, DomainUser, ProcessUser, KernelUser, PoolUser}
	slices.SortStableFunc(found, func(a, b User) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return found, ctx.Err()
}

// addFile adds the users of a volume's file or device. A user that names the file by another path needs the
// volume's path only if the file has no other name: a symbolic link is just one of several.
func (l *look) addFile(ctx context.Context, v *pooldef.Volume, add func(u *User, needsOld bool)) error {
	type identity struct {
		file   host.FileID
		isOnly bool
	}
	patience, cancel := context.WithTimeout(ctx, l.d.Timeout)
	defer cancel()
	at, err := backend.Await(patience, func() (identity, error) {
		file, links := host.FileIDOf(v.Target.Path)
		_, err := os.Readlink(v.Target.Path)
		return identity{file, err != nil && (links == 1 || v.Type == "dir")}, nil
	})
	switch {
	case err != nil:
		l.hidden = append(l.hidden, fmt.Errorf("volume %q: %w", v.Name, err))
		return ctx.Err()
	case at.file == (host.FileID{}):
		return nil
	}
	for _, u := range l.byFile[at.file] {
		add(u, at.isOnly)
	}
	if l.files == nil {
		return nil
	}
	for _, p := range l.files.Processes[at.file] {
		state := "reading"
		if p.Writes {
			state = "writing"
		}
		add(&User{Kind: ProcessUser, Name: p.Name, PID: p.PID, State: state}, at.isOnly)
	}
	kernel := l.files.Kernel[at.file]
	if at.file.IsBlock {
		kernel, err = l.d.Host.DeviceUsers(v.Target.Path)
		if err != nil {
			l.hidden = append(l.hidden, fmt.Errorf("volume %q: %w", v.Name, err))
		}
	}
	for _, text := range kernel {
		add(&User{Kind: KernelUser, Name: text}, at.isOnly)
	}
	return ctx.Err()
}

// A volumeName is the name by which images and pools find a volume.
type volumeName struct {
	pool *pooldef.Pool
	name string
	at   string // path or URI
}

// nameOf returns the name of a volume of pool p.
func nameOf(p *pooldef.Pool, v *pooldef.Volume) volumeName {
	return volumeName{p, v.Name, v.Target.Path}
}

// isLocal reports whether the name is a path of this machine. Pools of servers do not know such names.
func (n volumeName) isLocal() bool { return n.pool.Target.Path != "" }

// isKnownTo reports whether images in pool p can use the name.
func (n volumeName) isKnownTo(p *pooldef.Pool) bool {
	if n.isLocal() {
		return p.Target.Path != ""
	}
	return p.Type == n.pool.Type
}

// contains reports whether the source of a pool of the same servers is below the name.
func (n volumeName) contains(p *pooldef.Pool) bool {
	return p.Type == n.pool.Type && p.Source.Name == n.pool.Source.Name &&
		strings.HasPrefix(p.Source.Dir+"/", filepath.Join(n.pool.Source.Dir, n.name)+"/")
}

// followPath calls found for each directory, link and file that the lookup of an absolute path passes
// through, with all symbolic links in it, until found returns true. It passes paths that have no links before
// their last names.
func followPath(path string, found func(next string) bool) bool {
	const maxLinks = 40 // the kernel's limit (path_resolution(7))
	been, ahead := "/", path
	for links := 0; ahead != "" && links <= maxLinks; {
		var name string
		name, ahead, _ = strings.Cut(ahead, "/")
		next := filepath.Join(been, name)
		if found(next) {
			return true
		}
		target, err := os.Readlink(next)
		if err != nil {
			been = next
			continue
		}
		links++
		if filepath.IsAbs(target) {
			been = "/"
		}
		ahead = target + "/" + ahead
	}
	return false
}
