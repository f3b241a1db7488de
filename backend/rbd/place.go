package rbd

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/pooldef"
)

// A place is where a pool's images are: a Ceph pool, and a namespace in it, which may be empty.
type place struct{ pool, namespace string }

// placeOf returns what a definition's source name means: POOL or POOL/NAMESPACE, as rbd(8) has it.
func placeOf(p *pooldef.Pool) (place, error) {
	pool, namespace, isIn := strings.Cut(p.Source.Name, "/")
	if !isPlain(pool) || isIn && !isPlain(namespace) {
		return place{}, pooldef.Problems{{Element: "source/name", Text: fmt.Sprintf("%q is not the name of a Ceph pool, or POOL/NAMESPACE", p.Source.Name)}}
	}
	return place{pool, namespace}, nil
}

// isPlain tells the names that rbd(8) does not take apart, and that its JSON gives back as they are.
func isPlain(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsAny(name, "/@") && !strings.ContainsFunc(name, unicode.IsControl)
}

// args names the place, or with a prefix another one, that something goes to.
func (at place) args(prefix string) []string {
	if at.namespace == "" {
		return []string{"--" + prefix + "pool=" + at.pool}
	}
	return []string{"--" + prefix + "pool=" + at.pool, "--" + prefix + "namespace=" + at.namespace}
}

// image is the full name of an image there, as rbd(8) has it.
func (at place) image(name string) string {
	if at.namespace == "" {
		return at.pool + "/" + name
	}
	return at.pool + "/" + at.namespace + "/" + name
}

// scheme is what paths begin with, in which it is told from a file's that a volume is an image of Ceph's.
const scheme = "rbd:"

// key is what libvirt calls a volume of a pool: POOL/IMAGE.
func key(p *pooldef.Pool, name string) string { return p.Source.Name + "/" + name }

func path(p *pooldef.Pool, name string) string { return scheme + key(p, name) }

// Locate implements backend.Locator.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(pathOrKey, scheme), p.Source.Name+"/")
	return name, ok && checkName(name) == nil
}

// checkName refuses what cannot be an image's name, or is what those have that are being made.
func checkName(name string) error {
	switch {
	case !isPlain(name):
		return pooldef.Problems{{Element: "name", Text: fmt.Sprintf("%q: the name of an image has no /, no @ and no control characters, and is UTF-8", name)}}
	case isStage(name):
		return pooldef.Problems{{Element: "name", Text: fmt.Sprintf("%q: such names have volumes that are being made", name)}}
	}
	return nil
}
