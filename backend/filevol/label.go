package filevol

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// labelSteps returns the step that gives a new file or directory, which is at a path until it gets its final
// one, its SELinux label: that of the definition, or else that of the policy. There is no step on a machine
// without SELinux, or if the label that the kernel has chosen counts. kind is dir or file.
func (f Files) labelSteps(
	ctx context.Context, at, final, kind string, want pooldef.Permissions,
) ([]host.Step, error) {
	if !f.hasSELinux() {
		return nil, nil
	}
	label := want.Label
	if label == "" {
		var err error
		if label, err = f.policyLabel(ctx, final, kind); label == "" || err != nil {
			return nil, err
		}
	}
	return []host.Step{host.SetLabel{Path: at, Label: label, Usual: want.Label == ""}}, nil
}

// hasSELinux reports whether the kernel and the configuration have SELinux, as is_selinux_enabled(3) does.
func (f Files) hasSELinux() bool {
	_, err := fs.Stat(f.Host.Sys(), "fs/selinux/enforce")
	if err == nil {
		_, err = f.Host.Stat("/etc/selinux/config")
	}
	return err == nil
}

// policyLabel returns the label that the policy has for a path, or "" if the policy has none. It also returns
// "" if the directory above has a label of another type than in the policy: an administrator has chosen that
// label (chcon(1)) or a mount has it, and the kernel gives it to new files.
func (f Files) policyLabel(ctx context.Context, path, kind string) (string, error) {
	dir := filepath.Dir(path)
	h, err := f.Host.OpenPath(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it will be created, with the policy's label
	case err != nil:
		return "", err
	default:
		defer h.Close()
		usual, err := f.matchPath(ctx, dir, "dir")
		if err != nil || labelType(h.Label()) != labelType(usual) {
			return "", err
		}
	}
	return f.matchPath(ctx, path, kind)
}

// matchPath returns the label that the policy has for a path, or "" if it has none, or if the program that
// knows the policy is not installed.
func (f Files) matchPath(ctx context.Context, path, kind string) (string, error) {
	out, err := f.Host.Query(ctx, host.Cmd("matchpathcon", "-n", "-m", kind, path))
	if errors.As(err, new(*host.ToolError)) {
		return "", nil
	}
	label := strings.TrimSpace(string(out))
	if label == "<<none>>" {
		label = ""
	}
	return label, err
}

// labelType returns the type in a label, which is its third part.
func labelType(label string) string {
	parts := strings.SplitN(label, ":", 4)
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// labelVolume gives a new volume in a staging directory its SELinux label.
func (f Files) labelVolume(ctx context.Context, at string, dir *host.Dir, d *pooldef.Volume) error {
	kind := "file"
	if d.Target.Format == "dir" {
		kind = "dir"
	}
	steps, err := f.labelSteps(ctx, at, filepath.Join(dir.Path, d.Name), kind, d.Target.Permissions)
	if err != nil {
		return err
	}
	return f.changeEach(ctx, steps)
}
