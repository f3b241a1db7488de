package qemuimg

import (
	"errors"
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
		l.add("--object", "secret,id=ceph,format=base64,file="+l.pass(*to.Key))
		options += ",key-secret=ceph"
	}
	if to.Conf != "" {
		options += ",conf=" + l.pass(host.Input{Heredoc: strings.TrimSuffix(to.Conf, "\n"), Data: []byte(to.Conf)})
	}
	l.add("--target-is-zero", "-n", "--target-image-opts", from, options)
	return l.Command
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
