package qemuimg

import (
	"errors"
	"strings"

	"poolctl/backend/host"
)

// RBD is an image of Ceph's, as qemu reaches it.
type RBD struct {
	Pool, Namespace, Image string
	User                   string      // empty: qemu's own
	Key                    *host.Input // of the user, in base64; nil: that of the configuration
	Conf                   string      // what stands in Ceph's configuration file; empty: the machine's own
}

// IntoRBD copies the data of an image into one of Ceph's, which is new and large enough.
func IntoRBD(source *Image, to RBD, progress host.Progress) host.Command {
	l := converting(source, progress)
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
		l.add("--object", "secret,id=ceph,format=base64,file="+l.give(*to.Key))
		options += ",key-secret=ceph"
	}
	if to.Conf != "" {
		options += ",conf=" + l.give(host.Input{Heredoc: strings.TrimSuffix(to.Conf, "\n"), Data: []byte(to.Conf)})
	}
	l.add("--target-is-zero", "-n", "--target-image-opts", from, options)
	return l.Command
}

// ExplainRBD is Explain for IntoRBD: what qemu reaches Ceph by is a package of its own.
func ExplainRBD(err error) error {
	exit := (*host.ExitError)(nil)
	if errors.As(err, &exit) && strings.Contains(exit.Stderr, "Unknown driver 'rbd'") {
		return &host.ToolError{Tool: "block-rbd.so"}
	}
	return Explain(err)
}
