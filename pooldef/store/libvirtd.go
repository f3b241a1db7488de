package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/retry"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// sharesWithLibvirt reports whether ConfigDir is the directory of libvirt's own pool definitions.
func (s *Store) sharesWithLibvirt() bool {
	return s.LibvirtDir != "" && s.LibvirtStateDir != "" &&
		filepath.Clean(s.ConfigDir) == filepath.Join(s.LibvirtDir, "storage")
}

// loadLibvirtState fills in Started from libvirt's record of a running pool, if the config directory is
// libvirt's and poolctl has not started the pool. Such a pool is never stopped by poolctl. A record that
// cannot be used is a warning.
func (s *Store) loadLibvirtState(e *Entry) {
	if !s.sharesWithLibvirt() || e.Started != nil || e.Persistent == nil {
		return
	}
	state := s.openDirectory(s.LibvirtStateDir)
	defer state.close()
	name := e.Name + ".xml"
	data, _, err := state.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		var p *pooldef.Pool
		p, err = e.read(filepath.Join(state.path, name), poolOfState(data))
		if err == nil && p.UUID == e.Persistent.UUID {
			e.Started, e.ByLibvirt = p, true
		}
	}
	if err != nil {
		e.warn(fmt.Errorf("libvirt's record of pool %q: %w", e.Name, err))
	}
}

// poolOfState returns the pool element of one of libvirt's records, whose root element is poolstate
// (virStoragePoolSaveState in libvirt's src/conf/virstorageobj.c). It keeps the numbers of the lines.
func poolOfState(data []byte) []byte {
	before, pool, found := bytes.Cut(data, []byte("<poolstate>"))
	pool, _, ends := bytes.Cut(pool, []byte("</poolstate>"))
	if !found || !ends {
		return data
	}
	return append(bytes.Repeat([]byte("\n"), bytes.Count(before, []byte("\n"))), pool...)
}

// A LibvirtError reports that libvirt's storage daemon manages the config directory. The daemon would not see
// a change, and would undo it later.
type LibvirtError struct {
	Dir  string
	PID  int32
	verb []string // of virsh, for the hint
}

func (e *LibvirtError) Error() string {
	return fmt.Sprintf("libvirt's daemon (process %d) would not see a change in %q", e.PID, e.Dir)
}

// Kind implements [fault.Error].
func (*LibvirtError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *LibvirtError) HintLine() string { return shell.Join(e.verb...) }

// CheckDaemon returns a LibvirtError if libvirt's daemon manages the config directory. verb is the command of
// virsh that makes the change.
func (s *Store) CheckDaemon(verb ...string) error {
	if !s.sharesWithLibvirt() {
		return nil
	}
	state := s.openDirectory(s.LibvirtStateDir)
	defer state.close()
	pid, err := daemonOf(state)
	if pid == 0 || err != nil {
		return err
	}
	return &LibvirtError{s.ConfigDir, pid, append([]string{"virsh"}, verb...)}
}

// daemonOf returns the process of libvirt's storage daemon, or 0 if none runs. While it runs, the daemon
// holds a lock on the first byte of driver.pid (virPidFileAcquirePath in libvirt's src/util/virpidfile.c).
func daemonOf(state *directory) (pid int32, err error) {
	f, err := state.open("driver.pid", 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if err := retry.FcntlFlock(uintptr(f.fd), unix.F_GETLK, &lock); err != nil {
		return 0, &fs.PathError{Op: "fcntl", Path: f.path, Err: err}
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return lock.Pid, nil
}

// LibvirtName returns the name of the pool in which a running libvirt has the storage of pool p: a pool of
// the same uuid, or of the same type and target. The name is empty if there is none.
func (s *Store) LibvirtName(p *pooldef.Pool) string {
	if s.LibvirtStateDir == "" {
		return ""
	}
	state := s.openDirectory(s.LibvirtStateDir)
	defer state.close()
	if pid, err := daemonOf(state); pid == 0 || err != nil {
		return ""
	}
	files, _ := state.list()
	for _, file := range files {
		data, _, err := state.read(file.Name)
		if err != nil {
			continue
		}
		o, _, err := codec.ReadPool(file.Name, poolOfState(data), false)
		isSame := err == nil && (o.UUID == p.UUID || o.Type == p.Type && o.Target.Path == p.Target.Path)
		if isSame {
			return o.Name
		}
	}
	return ""
}
