package store

import (
	"path/filepath"
	"strings"

	"poolctl/pooldef"
)

// secretDirs returns the directories of secrets, in libvirt's layout: first that of persistent secrets, then
// that of ephemeral ones, which disappear when the machine stops. Each contains a UUID.xml for every secret,
// and a UUID.base64 or UUID.aes256cbc if it has a value.
func (s *Store) secretDirs() []string {
	dirs := []string{filepath.Join(s.ConfigDir, "secrets")}
	if s.RunDir != "" { // libvirt keeps ephemeral secrets in memory only
		dirs = append(dirs, filepath.Join(s.RunDir, "secrets"))
	}
	return dirs
}

// openSecrets opens one of secretDirs, and checks its parent, too.
func (s *Store) openSecrets(dir string) *directory {
	parent := s.openDirectory(filepath.Dir(dir))
	defer parent.close()
	return parent.subdirectory(filepath.Base(dir))
}

// readSecretFile returns the content of a file in one of secretDirs, which no other user may read or change.
// If others can change the directory and the user is not root, it also returns a warning.
func (s *Store) readSecretFile(file string, most int) (data []byte, warning, err error) {
	d := s.openSecrets(filepath.Dir(file))
	defer d.close()
	data, err = d.readSecret(filepath.Base(file), 0o077, most)
	return data, d.warning, err
}

// secretFile returns the path for a secret's definition.
func (s *Store) secretFile(secret *pooldef.Secret) string {
	dir := s.secretDirs()[0]
	if secret.Ephemeral {
		dir = s.secretDirs()[1]
	}
	return filepath.Join(dir, secret.UUID+".xml")
}

// valueFile returns the path for the value that belongs to a definition's path.
func valueFile(definition string) string { return valueFiles(definition)[0] }

// valueFiles returns the paths of all forms of a value. The first that exists is the value, as in libvirt.
// libvirt writes the second, which it encrypts, since version 12.1.0.
func valueFiles(definition string) []string {
	name := strings.TrimSuffix(definition, ".xml")
	return []string{name + ".base64", name + encryptedSuffix}
}

// existingValue returns the path of the value that belongs to a definition's path, or "" if there is none.
func existingValue(definition string) string {
	for _, file := range valueFiles(definition) {
		if exists(file) {
			return file
		}
	}
	return ""
}
