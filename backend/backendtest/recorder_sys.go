package backendtest

import (
	"io/fs"
	"os"

	"poolctl/backend/host"
)

// Sys implements host.Devices.
func (t *recorder) Sys() fs.FS { return recordedTree{t, "sys", host.Host.Sys} }

// Proc implements host.Devices.
func (t *recorder) Proc() fs.FS { return recordedTree{t, "proc", host.Host.Proc} }

// DeviceNumber implements host.Devices.
func (t *recorder) DeviceNumber(path string) (string, error) {
	return ask(t, "device number "+path, func(h host.Host) (string, error) { return h.DeviceNumber(path) })
}

// Zvol implements host.Devices.
func (t *recorder) Zvol(path string) string {
	name, err := ask(t, "volume at "+path, func(h host.Host) (string, error) { return h.Zvol(path), nil })
	if err != nil { // no recording
		return err.Error()
	}
	return name
}

// DeviceLinks implements host.Devices.
func (t *recorder) DeviceLinks(dir string) (map[string][]string, error) {
	return ask(t, "device links "+dir, func(h host.Host) (map[string][]string, error) {
		return h.DeviceLinks(dir)
	})
}

// A recordedTree is /sys or /proc with recorded file contents, directory listings and link targets.
type recordedTree struct {
	recorder *recorder
	name     string
	live     func(host.Host) fs.FS
}

// Open implements fs.FS.
func (s recordedTree) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements fs.ReadFileFS.
func (s recordedTree) ReadFile(name string) ([]byte, error) {
	return ask(s.recorder, s.name+" "+name, func(h host.Host) ([]byte, error) {
		return fs.ReadFile(s.live(h), name)
	})
}

// ReadLink implements fs.ReadLinkFS.
func (s recordedTree) ReadLink(name string) (string, error) {
	return ask(s.recorder, s.name+" link "+name, func(h host.Host) (string, error) {
		return fs.ReadLink(s.live(h), name)
	})
}

// Stat implements fs.StatFS.
func (s recordedTree) Stat(name string) (fs.FileInfo, error) {
	_, err := ask(s.recorder, s.name+" stat "+name, func(h host.Host) (struct{}, error) {
		_, err := fs.Stat(s.live(h), name)
		return struct{}{}, err
	})
	return recordedFile{Path: name}, err
}

// Lstat implements fs.ReadLinkFS.
func (s recordedTree) Lstat(name string) (fs.FileInfo, error) { return s.Stat(name) }

// ReadDir implements fs.ReadDirFS.
func (s recordedTree) ReadDir(name string) ([]fs.DirEntry, error) {
	names, err := ask(s.recorder, s.name+" directory "+name, func(h host.Host) ([]string, error) {
		entries, err := fs.ReadDir(s.live(h), name)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names, err
	})
	var entries []fs.DirEntry
	for _, n := range names {
		entries = append(entries, fs.FileInfoToDirEntry(recordedFile{Path: n}))
	}
	return entries, err
}

// OpenDevice implements host.Devices. A replay has no devices.
func (t *recorder) OpenDevice(path string) (*os.File, error) {
	if t.machine == nil {
		return nil, fs.ErrNotExist
	}
	return t.machine.OpenDevice(path)
}
