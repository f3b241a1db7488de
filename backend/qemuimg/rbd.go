package qemuimg

import (
	"errors"
	"fmt"
	"strings"

	"poolctl/backend/host"
)

// RBD is a Ceph image with the options to connect to it.
type RBD struct {
	Pool, Namespace, Image string
	User                   string      // empty: qemu's default
	Key                    *host.Input // of the user, in base64; nil: from the configuration
	Conf                   string      // content of Ceph's configuration file; empty: this machine's
}

// IntoRBD returns the command that copies an image's data into a new Ceph image, which must be large enough.
func IntoRBD(source *Image, to RBD, progress host.Progress) host.Command {
	l := convertLine(source, progress)
	l.Confined.Network = true
	from := l.image(source)
	options := "driver=rbd,pool=" + escape(to.Pool) + ",image=" + escape(to.Image)
	if to.Namespace != "" {
		options += ",namespace=" + escape(to.Namespace)
	}
	if to.User != "" {
		options += ",user=" + escape(to.User)
	}
	if to.Key != nil {
		options += ",key-secret=" + l.cephKey(&to)
	}
	if to.Conf != "" {
		options += ",conf=" + l.cephConf(&to)
	}
	l.add("--target-is-zero", "-n", "--target-image-opts", from, options)
	return l.Command
}

// OfCeph returns a Ceph image as one to be read. path is its name in messages, capacity its size in bytes.
func OfCeph(from RBD, path string, capacity uint64) *Image {
	return &Image{Path: path, Format: "raw", Capacity: capacity, ceph: &from}
}

// cephNode describes a Ceph image as qemu's options.
func (l *line) cephNode(r *RBD) map[string]any {
	l.Confined.Network = true
	node := map[string]any{"driver": "rbd", "pool": r.Pool, "image": r.Image}
	if r.Namespace != "" {
		node["namespace"] = r.Namespace
	}
	if r.User != "" {
		node["user"] = r.User
	}
	if r.Key != nil {
		node["key-secret"] = l.cephKey(r)
	}
	if r.Conf != "" {
		node["conf"] = l.cephConf(r)
	}
	return node
}

// cephKey passes the key of a Ceph user through a descriptor, and returns the name of qemu's secret object.
func (l *line) cephKey(r *RBD) string {
	name := fmt.Sprintf("ceph%d", len(l.Inputs))
	l.add("--object", "secret,id="+name+",format=base64,file="+l.pass(*r.Key))
	return name
}

// cephConf passes a Ceph configuration through a descriptor, and returns its path.
func (l *line) cephConf(r *RBD) string {
	return l.pass(host.Input{Heredoc: strings.TrimSuffix(r.Conf, "\n"), Data: []byte(r.Conf)})
}

// ExplainRBD is Explain for IntoRBD. It also detects that qemu's driver for Ceph, which is a separate
// package, is missing.
func ExplainRBD(err error) error {
	if exit, ok := errors.AsType[*host.ExitError](err); ok &&
		strings.Contains(exit.Stderr, "Unknown driver 'rbd'") {
		return &host.ToolError{Tool: "block-rbd.so"}
	}
	return TranslateError(err)
}
