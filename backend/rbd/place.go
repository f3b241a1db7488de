package rbd

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/pooldef"
)

// A place is the location of a pool's images: a Ceph pool, and a namespace in it, which may be empty.
type place struct{ pool, namespace string }

// placeOf parses a definition's source name: POOL or POOL/NAMESPACE, as in rbd(8).
func placeOf(p *pooldef.Pool) (place, error) {
	pool, namespace, isIn := strings.Cut(p.Source.Name, "/")
	if !isPlain(pool) || isIn && !isPlain(namespace) {
		return place{}, pooldef.Problems{{
			Element: "source/name",
			Text:    fmt.Sprintf("%q is not the name of a Ceph pool, or POOL/NAMESPACE", p.Source.Name),
		}}
	}
	return place{pool, namespace}, nil
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	_, placeErr := placeOf(p)
	_, configErr := configArgs(p)
	err := cmp.Or(placeErr, configErr, checkLogin(p.Source.Auth))
	for _, h := range p.Source.Hosts {
		_, hostErr := address(h)
		err = cmp.Or(err, hostErr)
	}
	return err
}

// isPlain reports whether rbd(8) accepts a name unchanged and returns it unchanged in JSON.
func isPlain(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsAny(name, "/@") &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

// isSnapshotName reports whether a name can be that of a snapshot. rbd(8) accepts it in an option of its own,
// where it takes control characters, too.
func isSnapshotName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsAny(name, "/@")
}

// args returns the options for the place. prefix is "dest-" for the destination of a command.
func (at place) args(prefix string) []string {
	if at.namespace == "" {
		return []string{"--" + prefix + "pool=" + at.pool}
	}
	return []string{"--" + prefix + "pool=" + at.pool, "--" + prefix + "namespace=" + at.namespace}
}

// image returns the full name of an image in the place, as in rbd(8).
func (at place) image(name string) string {
	if at.namespace == "" {
		return at.pool + "/" + name
	}
	return at.pool + "/" + at.namespace + "/" + name
}

// scheme is the prefix of volume paths, which distinguishes Ceph images from files.
const scheme = "rbd:"

// key returns a volume's key, as in libvirt: POOL/IMAGE.
func key(p *pooldef.Pool, name string) string { return p.Source.Name + "/" + name }

func path(p *pooldef.Pool, name string) string { return scheme + key(p, name) }

// Locate implements backend.Locator.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(pathOrKey, scheme), p.Source.Name+"/")
	return name, ok && checkName(name) == nil
}

// checkName returns an error if a name is not valid for an image, or is a temporary name.
func checkName(name string) error {
	switch {
	case !isPlain(name):
		return pooldef.Problems{{
			Element: "name",
			Text: fmt.Sprintf(
				"%q: image names are UTF-8 without /, @ and control characters", name,
			),
		}}
	case isTempName(name):
		return pooldef.Problems{{
			Element: "name",
			Text:    fmt.Sprintf("%q: such names are reserved for volumes being created", name),
		}}
	}
	return nil
}
