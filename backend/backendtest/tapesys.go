package backendtest

import (
	"io/fs"

	"poolctl/backend/host"
)

// Sys implements host.Prober.
func (t *recorder) Sys() fs.FS { return tapedSys{t} }

// DeviceLinks implements host.Prober.
func (t *recorder) DeviceLinks(dir string) (map[string][]string, error) {
	return ask(t, "device links "+dir, func(h host.Host) (map[string][]string, error) { return h.DeviceLinks(dir) })
}

// tapedSys is /sys, of which is asked what files say, what there is in directories, and where links lead.
type tapedSys struct{ t *recorder }

// Open implements fs.FS.
func (s tapedSys) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements fs.ReadFileFS.
func (s tapedSys) ReadFile(name string) ([]byte, error) {
	return ask(s.t, "sys "+name, func(h host.Host) ([]byte, error) { return fs.ReadFile(h.Sys(), name) })
}

// ReadLink implements fs.ReadLinkFS.
func (s tapedSys) ReadLink(name string) (string, error) {
	return ask(s.t, "sys link "+name, func(h host.Host) (string, error) { return fs.ReadLink(h.Sys(), name) })
}

// Stat implements fs.StatFS.
func (s tapedSys) Stat(name string) (fs.FileInfo, error) {
	_, err := ask(s.t, "sys stat "+name, func(h host.Host) (struct{}, error) {
		_, err := fs.Stat(h.Sys(), name)
		return struct{}{}, err
	})
	return tapedFile{Path: name}, err
}

// Lstat implements fs.ReadLinkFS.
func (s tapedSys) Lstat(name string) (fs.FileInfo, error) { return s.Stat(name) }

// ReadDir implements fs.ReadDirFS.
func (s tapedSys) ReadDir(name string) ([]fs.DirEntry, error) {
	names, err := ask(s.t, "sys directory "+name, func(h host.Host) ([]string, error) {
		entries, err := fs.ReadDir(h.Sys(), name)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names, err
	})
	var entries []fs.DirEntry
	for _, n := range names {
		entries = append(entries, fs.FileInfoToDirEntry(tapedFile{Path: n}))
	}
	return entries, err
}
