package backendtest

import (
	"io/fs"

	"poolctl/backend/host"
)

// Sys implements host.Prober.
func (t *recorder) Sys() fs.FS { return recordedSys{t} }

// DeviceLinks implements host.Prober.
func (t *recorder) DeviceLinks(dir string) (map[string][]string, error) {
	return ask(t, "device links "+dir, func(h host.Host) (map[string][]string, error) {
		return h.DeviceLinks(dir)
	})
}

// recordedSys is /sys with recorded file contents, directory listings and link targets.
type recordedSys struct{ recorder *recorder }

// Open implements fs.FS.
func (s recordedSys) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements fs.ReadFileFS.
func (s recordedSys) ReadFile(name string) ([]byte, error) {
	return ask(s.recorder, "sys "+name, func(h host.Host) ([]byte, error) {
		return fs.ReadFile(h.Sys(), name)
	})
}

// ReadLink implements fs.ReadLinkFS.
func (s recordedSys) ReadLink(name string) (string, error) {
	return ask(s.recorder, "sys link "+name, func(h host.Host) (string, error) {
		return fs.ReadLink(h.Sys(), name)
	})
}

// Stat implements fs.StatFS.
func (s recordedSys) Stat(name string) (fs.FileInfo, error) {
	_, err := ask(s.recorder, "sys stat "+name, func(h host.Host) (struct{}, error) {
		_, err := fs.Stat(h.Sys(), name)
		return struct{}{}, err
	})
	return recordedFile{Path: name}, err
}

// Lstat implements fs.ReadLinkFS.
func (s recordedSys) Lstat(name string) (fs.FileInfo, error) { return s.Stat(name) }

// ReadDir implements fs.ReadDirFS.
func (s recordedSys) ReadDir(name string) ([]fs.DirEntry, error) {
	names, err := ask(s.recorder, "sys directory "+name, func(h host.Host) ([]string, error) {
		entries, err := fs.ReadDir(h.Sys(), name)
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
