package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// Domains returns the domains of libvirt's QEMU driver: the defined ones in LibvirtDir, and the running ones
// beside LibvirtStateDir (/run/libvirt/qemu, or qemu/run of an ordinary user). A domain that is both is
// returned twice, because its definition may have changed since its start. hidden says what could not be
// read; without libvirt, nothing is hidden.
func (s *Store) Domains() (domains []*pooldef.Domain, hidden []error) {
	var dirs []string
	if s.LibvirtDir != "" {
		dirs = append(dirs, filepath.Join(s.LibvirtDir, "qemu"))
	}
	if state, name := filepath.Split(s.LibvirtStateDir); name == "run" {
		dirs = append(dirs, filepath.Join(state, "..", "qemu", "run"))
	} else if name != "" {
		dirs = append(dirs, filepath.Join(state, "qemu"))
	}
	for _, path := range dirs {
		found, errs := s.domainsIn(path)
		domains, hidden = append(domains, found...), append(hidden, errs...)
	}
	return domains, hidden
}

// domainsIn returns the domains in a directory.
func (s *Store) domainsIn(path string) (domains []*pooldef.Domain, hidden []error) {
	dir := s.openDirectory(path)
	defer dir.close()
	files, err := dir.list()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, []error{fmt.Errorf("libvirt's domains: %w", err)}
	}
	slices.SortFunc(files, func(a, b safeopen.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	for _, file := range files {
		if file.Type.IsDir() || !strings.HasSuffix(file.Name, ".xml") {
			continue
		}
		data, _, err := dir.read(file.Name)
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		var domain *pooldef.Domain
		if err == nil {
			domain, err = codec.ReadDomain(filepath.Join(path, file.Name), data)
		}
		if err != nil {
			hidden = append(hidden, fmt.Errorf("libvirt's domain: %w", err))
			continue
		}
		if domain.Name == "" {
			domain.Name = strings.TrimSuffix(file.Name, ".xml")
		}
		domains = append(domains, domain)
	}
	return domains, hidden
}

// LibvirtTarget returns the target directory of the pool that libvirt has defined by a name, or "".
func (s *Store) LibvirtTarget(name string) string {
	if s.LibvirtDir == "" || pooldef.CheckName(name) != "" {
		return ""
	}
	dir := s.openDirectory(filepath.Join(s.LibvirtDir, "storage"))
	defer dir.close()
	data, _, err := dir.read(name + ".xml")
	if err != nil {
		return ""
	}
	p, _, err := codec.ReadPool(name+".xml", data, false)
	if err != nil {
		return ""
	}
	return p.Target.Path
}
