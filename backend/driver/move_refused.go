package driver

import (
	"context"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// checkCopyable returns an error, with what to do instead, if a volume cannot be moved by copying its data.
// Otherwise, the backends have the capabilities that this needs.
func (d *Driver) checkCopyable(ctx context.Context, v *Volume, to Destination) error {
	p := v.Pool()
	_, reads := v.Backend.(backend.Downloader)
	_, clones := to.Backend.(backend.Cloner)
	_, compares := to.Backend.(backend.Comparer)
	_, deletes := v.Backend.(backend.Deleter)
	_, holds := v.Backend.(backend.Holder)
	switch {
	case !reads: // iscsi-direct
		return refusal(p, "reading volumes", "a pool of type iscsi with the same target has them as devices")
	case !clones:
		return refusal(to.Pool, "creating volumes from others", uploadHint(v, to, "VOLUME"))
	case !compares:
		create := shell.Join("poolctl", "vol-create-as", to.Pool.Name, to.Name, fmt.Sprint(v.Capacity.Bytes))
		return refusal(to.Pool, "moving volumes from other storage", create+" && "+uploadHint(v, to, to.Name))
	case !deletes:
		return refusal(p, "volume deletion", copyHint(v, to))
	case !holds:
		remove := shell.Join("poolctl", "vol-delete", v.Name, p.Name)
		return refusal(p, "keeping a volume unchanged while it is copied",
			copyHint(v, to)+"; when no guest uses it, "+remove+" deletes it")
	case v.Target.Encryption != nil:
		return refusal(p, "moving encrypted volumes to other storage", encryptedHint(v))
	}
	return d.checkNoSnapshots(ctx, v)
}

// refusal returns an error about what pools of the type of p do not support, and what to do instead.
func refusal(p *pooldef.Pool, what, hint string) error {
	return &backend.UnsupportedError{Type: p.Type, What: what, Hint: hint}
}

// uploadHint returns the commands that copy the data of a volume into another one, which exists. vol-download
// transfers an image as it is, and not what a guest sees in it.
func uploadHint(v *Volume, to Destination, name string) string {
	hint := shell.Join("poolctl", "vol-download", v.Name, "-", v.Entry.Name) + " | " +
		shell.Join("poolctl", "vol-upload", name, "-", to.Pool.Name)
	if v.Type == "file" && v.Target.Format != "raw" {
		return shell.Join("poolctl", "vol-convert", v.Name, v.Entry.Name, "--format", "raw") + " && " + hint
	}
	return hint
}

// copyHint says how to copy a volume without deleting it.
func copyHint(v *Volume, to Destination) string {
	return "echo " + shell.Quote(fmt.Sprintf("name: %q", to.Name)) + " | " +
		shell.Join("poolctl", "vol-create-from", to.Pool.Name, "-", v.Name, "--inputpool", v.Entry.Name) +
		" copies it"
}

// encryptedHint says how to store encrypted data elsewhere. poolctl finds the secret by the volume's path.
func encryptedHint(v *Volume) string {
	if v.Target.Format != "raw" {
		return shell.Join("poolctl", "vol-convert", v.Name, v.Entry.Name, "--decrypt") +
			" stores it without encryption; vol-convert --encrypt encrypts it after the move"
	}
	return shell.Join("poolctl", "vol-download", v.Name, "FILE", v.Entry.Name) +
		" copies it as it is, encrypted; vol-create-as and vol-upload store that"
}

// checkNoSnapshots returns an error that names the snapshots of a volume, which a copy does not have.
func (d *Driver) checkNoSnapshots(ctx context.Context, v *Volume) error {
	keeper, ok := v.Backend.(backend.Snapshotter)
	if !ok {
		return nil
	}
	all, err := keeper.Snapshots(ctx, v.Pool(), v.Name)
	if err != nil || len(all) == 0 {
		return err
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	hint := "poolctl vol-snapshot-clone makes a volume of one, and vol-snapshot-delete deletes it"
	if _, moves := v.Backend.(backend.Mover); moves {
		hint = "a pool on the same storage can have it with its snapshots; " + hint
	}
	return &backend.StateError{
		Text: "its snapshots do not move with it to other storage: " + strings.Join(names, ", "), Hint: hint,
	}
}
