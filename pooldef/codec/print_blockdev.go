package codec

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"poolctl/backend/fault"
	"poolctl/pooldef"
)

// A BlockdevError reports that QEMU cannot use a disk.
type BlockdevError struct{ Text string }

func (e *BlockdevError) Error() string { return e.Text }

// Kind implements [fault.Error].
func (*BlockdevError) Kind() fault.Kind { return fault.Unsupported }

// A Blockdev has the values of QEMU's options for a disk (qemu(1)), each a JSON object: -object for each
// secret,
// -blockdev for the disk, a node with a name.
type Blockdev struct {
	Objects []string
	Node    string
}

// NewBlockdev describes a disk to QEMU, with all images below it, so that QEMU opens nothing that only a
// header names. The secrets are read from their files; no value is in an option.
func NewBlockdev(d *pooldef.GuestDisk, name string) (*Blockdev, error) {
	b := &blockdevPrinter{name: name}
	node, err := b.node(d.Images)
	if err != nil {
		return nil, err
	}
	node["node-name"] = name
	if d.CDROM {
		node["read-only"] = true
	}
	text, err := json.Marshal(node)
	return &Blockdev{b.objects, string(text)}, err
}

type blockdevPrinter struct {
	name    string
	objects []string
}

// hasBacking reports whether images of a format can have backing files.
func hasBacking(format string) bool {
	return format == "qcow2" || format == "qcow" || format == "qed" || format == "vmdk"
}

// node describes the first image and those below it.
func (b *blockdevPrinter) node(images []pooldef.DiskImage) (map[string]any, error) {
	top := images[0]
	file, err := b.file(&top)
	if err != nil {
		return nil, err
	}
	node := map[string]any{"driver": top.Format, "file": file}
	if top.Encryption != nil {
		key, err := b.secret(top.KeyFile)
		switch {
		case err != nil:
			return nil, err
		case top.Format == "raw":
			node["driver"], node["key-secret"] = "luks", key
		default:
			node["encrypt"] = map[string]any{"format": "luks", "key-secret": key}
		}
	}
	if !hasBacking(top.Format) {
		return node, nil
	}
	node["backing"] = nil
	if len(images) > 1 {
		node["backing"], err = b.node(images[1:])
	}
	return node, err
}

// file describes where an image is.
func (b *blockdevPrinter) file(i *pooldef.DiskImage) (map[string]any, error) {
	switch {
	case i.Network != nil:
		return b.network(i.Network)
	case !utf8.ValidString(i.Path):
		return nil, &BlockdevError{fmt.Sprintf("QEMU's options are UTF-8, which %q is not", i.Path)}
	case i.IsDevice:
		return map[string]any{"driver": "host_device", "filename": i.Path}, nil
	}
	return map[string]any{"driver": "file", "filename": i.Path}, nil
}

func (b *blockdevPrinter) network(n *pooldef.NetworkSource) (map[string]any, error) {
	file := map[string]any{"driver": n.Protocol}
	parts := strings.Split(n.Name, "/")
	first, last := parts[0], parts[len(parts)-1]
	switch n.Protocol {
	case "rbd":
		file["pool"], file["image"] = first, last
		if len(parts) > 2 {
			file["namespace"] = parts[1]
		}
		if servers := serversOf(n.Hosts, 6789); len(servers) > 0 {
			file["server"] = servers
		}
	case "gluster":
		servers := serversOf(n.Hosts, 24007)
		for _, s := range servers {
			s["type"] = "inet"
		}
		file["volume"], file["path"], file["server"] = first, strings.TrimPrefix(n.Name, first+"/"), servers
	case "iscsi":
		number, _ := strconv.Atoi(last)
		portal := serversOf(n.Hosts[:1], 3260)[0]
		file["transport"], file["portal"] = "tcp", net.JoinHostPort(portal["host"], portal["port"])
		file["target"], file["lun"] = strings.TrimSuffix(n.Name, "/"+last), number
		if n.Initiator != "" {
			file["initiator-name"] = n.Initiator
		}
	default:
		return nil, &BlockdevError{"QEMU has no driver for " + n.Protocol + " since version 6.0"}
	}
	if n.Auth == nil {
		return file, nil
	}
	key, err := b.secret(n.KeyFile)
	file["user"] = n.Auth.Username
	file[map[string]string{"rbd": "key-secret", "iscsi": "password-secret"}[n.Protocol]] = key
	return file, err
}

// serversOf describes servers, whose default port is usual.
func serversOf(hosts []pooldef.Host, usual int) (servers []map[string]string) {
	for _, h := range hosts {
		port := h.Port
		if port == 0 {
			port = usual
		}
		servers = append(servers, map[string]string{"host": h.Name, "port": strconv.Itoa(port)})
	}
	return servers
}

// secret adds an object for the secret in a file, and returns its name.
func (b *blockdevPrinter) secret(file string) (string, error) {
	switch {
	case file == "":
		return "", fmt.Errorf("%w that opens the volume", pooldef.ErrNoSecret)
	case strings.HasSuffix(file, ".aes256cbc"):
		return "", &BlockdevError{fmt.Sprintf("QEMU cannot read %q, which libvirt has encrypted", file)}
	}
	object := map[string]string{
		"qom-type": "secret", "id": fmt.Sprintf("%s-key%d", b.name, len(b.objects)), "file": file, "format": "raw",
	}
	if strings.HasSuffix(file, ".base64") {
		object["format"] = "base64"
	}
	text, err := json.Marshal(object)
	b.objects = append(b.objects, string(text))
	return object["id"], err
}
