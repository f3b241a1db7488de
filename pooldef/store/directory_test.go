package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/pooldef"
)

// otherUser is the ID of a user who is neither root nor the user who runs the tests.
const otherUser = 4711

// needsRoot skips a test of what only root is refused, or that needs files of other users.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED without root: files of other users")
	}
}

// failIfBlocked fails the test if work blocks, for example because it waits for the other end of a pipe.
func failIfBlocked(t *testing.T, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the call blocks")
	}
}

// trustStore returns a store with a pool x that is defined and marked for autostart, the run record of a
// pool, another pool, and a secret with a value.
func trustStore(t *testing.T) *Store {
	t.Helper()
	s := newStore(t)
	for _, name := range []string{"x", "other"} {
		if err := s.Define(definedPool(t, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(s.SetAutostart(s.load(t, "x"), true),
		s.SaveState(definedPool(t, "gone")))
	if err != nil {
		t.Fatal(err)
	}
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "x"})
	s.setValue(t, "x", "hello")
	return s
}

// use reads the files of the store in every possible way, and returns each error.
func (s *Store) use() map[string]error {
	_, pool := s.Load("x")
	_, record := s.Load("gone")
	_, all := s.All()
	_, value := s.SecretValue(pooldef.SecretRef{UUID: idOf(1)}, "ceph")
	_, source := s.Source(&Entry{File: filepath.Join(s.ConfigDir, "x.xml")})
	return map[string]error{"pool": pool, "record": record, "all": all, "secret": value, "source": source}
}

// expectRefused checks that the listed uses fail with a TrustError with this text and fix, and that all other
// uses succeed.
func (s *Store) expectRefused(t *testing.T, text, fix, uses string) {
	t.Helper()
	for use, err := range s.use() {
		untrusted, ok := errors.AsType[*TrustError](err)
		switch refused := strings.Contains(" "+uses+" ", " "+use+" "); {
		case !refused && err != nil:
			t.Errorf("%s: %v", use, err)
		case refused && (!ok || !errors.Is(err, fs.ErrPermission)):
			t.Errorf("%s: %v", use, err)
		case refused && (!strings.Contains(err.Error(), text) ||
			!strings.HasPrefix(strings.Join(untrusted.Fix, " "), fix)):
			t.Errorf("%s: %v (%s)", use, err, untrusted.Fix)
		}
	}
}

// TestTrust checks that root is refused exactly the files that other users can change, and that the error
// names them.
func TestTrust(t *testing.T) {
	needsRoot(t)
	for _, test := range []struct{ path, uses string }{
		{"etc/x.xml", "pool source"},
		{"etc/autostart", "pool"},
		{"etc/autostart/x.xml", "pool"},
		{"run/gone.xml", "record"},
		{"etc", "pool all secret source"},
		{"run", "pool all record"},
		{"etc/secrets", "secret"},
		{"etc/secrets/" + idOf(1) + ".xml", "secret"},
		{"etc/secrets/" + idOf(1) + ".base64", "secret"},
	} {
		s := trustStore(t)
		path := filepath.Join(filepath.Dir(s.ConfigDir), test.path)
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		option := map[fs.FileMode]string{fs.ModeDir: "-R ", fs.ModeSymlink: "-h "}[info.Mode().Type()]
		if err := os.Lchown(path, otherUser, 0); err != nil {
			t.Fatal(err)
		}
		s.expectRefused(t, path+" is not trusted: it belongs to user 4711", "chown "+option+"root:",
			test.uses)
		if err := os.Lchown(path, 0, otherUser); err != nil {
			t.Fatal(err)
		}
		s.expectRefused(t, "", "", "")
		for _, mode := range []fs.FileMode{0o020, 0o002} {
			if info.Mode().Type() == fs.ModeSymlink ||
				strings.Contains(test.path, "secrets/") { // see TestUntrustedSecrets
				continue
			}
			if err := os.Chmod(path, info.Mode().Perm()|mode); err != nil {
				t.Fatal(err)
			}
			s.expectRefused(t, path+" is not trusted: other users can change it", "chmod "+option+"go-w",
				test.uses)
		}
	}
}

// TestIrregularFiles checks that files that are not regular are refused by name, without blocking, and that
// all other files are listed.
func TestIrregularFiles(t *testing.T) {
	for kind, replace := range map[string]func(string) error{
		"fifo": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"link": func(path string) error { return os.Symlink("other.xml", path) },
		"dir":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		for _, file := range []string{"etc/x.xml", "run/gone.xml", "etc/secrets/" + idOf(1) + ".xml",
			"etc/secrets/" + idOf(1) + ".base64"} {
			s := trustStore(t)
			path := filepath.Join(filepath.Dir(s.ConfigDir), file)
			if err := errors.Join(os.Remove(path), replace(path)); err != nil {
				t.Fatal(err)
			}
			failIfBlocked(t, func() {
				var wrong []string
				for _, err := range s.use() {
					if problems := (pooldef.Problems)(nil); errors.As(err, &problems) &&
						problems[0].File == path {
						wrong = append(wrong, err.Error())
					} else if err != nil {
						t.Errorf("%s %s: %v", kind, file, err)
					}
				}
				if len(wrong) == 0 || !strings.HasSuffix(wrong[0], "not a file") {
					t.Errorf("%s %s: %q", kind, file, wrong)
				}
			})
		}
	}
}

// TestUntrustedAutostart checks that an untrusted autostart link is not copied when a definition changes its
// language.
func TestUntrustedAutostart(t *testing.T) {
	needsRoot(t)
	s := trustStore(t)
	if err := os.Lchown(filepath.Join(s.ConfigDir, "autostart", "x.xml"), otherUser, 0); err != nil {
		t.Fatal(err)
	}
	err := s.Define(definedPool(t, "x"), []byte("type: dir\nname: x\ntarget: {path: /srv/x}\n"))
	if !errors.Is(err, fs.ErrPermission) || exists(filepath.Join(s.ConfigDir, "x.yaml")) {
		t.Error(err)
	}
}

// TestUnreadableAutostart checks that a user who cannot read the autostart links can still inspect the pools.
func TestUnreadableAutostart(t *testing.T) {
	needsRoot(t)
	s := trustStore(t)
	work := filepath.Dir(s.ConfigDir)
	err := errors.Join(os.Chmod(filepath.Dir(work), 0o755), os.Chmod(work, 0o755),
		os.Chmod(s.ConfigDir+"/x.xml", 0o644),
		os.Chmod(s.ConfigDir+"/autostart", 0o700))
	if err != nil {
		t.Fatal(err)
	}
	defer asNobody(t)()
	if e, err := s.Load("x"); err != nil || len(e.Warnings) != 1 || e.Autostart {
		t.Errorf("%+v %v", e, err)
	}
}

// TestReplacedDirectory checks that the store reads the directory that it has opened, even if its path is
// replaced.
func TestReplacedDirectory(t *testing.T) {
	s := trustStore(t)
	config := openDirectory(s.ConfigDir)
	defer config.close()
	err := errors.Join(os.Rename(s.ConfigDir, s.ConfigDir+".old"),
		os.Mkdir(s.ConfigDir, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, "x.xml", "evil")
	if data, _, err := config.read("x.xml"); err != nil || string(data) == "evil" {
		t.Errorf("%q %v", data, err)
	}
}

// TestUntrustedCredentials checks that credentials of another user are an error. Ignoring them would silently
// use another value.
func TestUntrustedCredentials(t *testing.T) {
	needsRoot(t)
	s := trustStore(t)
	s.Credentials = t.TempDir()
	s.expectRefused(t, "", "", "")
	if err := os.Chown(s.Credentials, otherUser, 0); err != nil {
		t.Fatal(err)
	}
	s.expectRefused(t, s.Credentials, "chown -R root:", "secret")
	file := filepath.Join(s.Credentials, idOf(1))
	err := errors.Join(os.Chown(s.Credentials, 0, 0), os.WriteFile(file, []byte("x"), 0o600),
		os.Chown(file, otherUser, 0))
	if err != nil {
		t.Fatal(err)
	}
	s.expectRefused(t, file, "chown root:", "secret")
}

// TestUntrustedRunDir checks that no locks are created, followed or waited for in another user's run
// directory.
func TestUntrustedRunDir(t *testing.T) {
	s := trustStore(t)
	locks := filepath.Join(s.RunDir, "locks")
	err := errors.Join(os.Mkdir(locks, 0o755),
		os.Symlink(locks+"/made", locks+"/definitions.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LockDefinitions(t.Context()); !errors.Is(err, unix.ELOOP) || exists(locks+"/made") {
		t.Error(err)
	}
	err = errors.Join(os.Remove(locks+"/definitions.lock"),
		unix.Mkfifo(locks+"/definitions.lock", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	failIfBlocked(t, func() {
		if unlock, err := s.LockDefinitions(t.Context()); err == nil {
			unlock()
		}
	})
	needsRoot(t)
	if err := errors.Join(os.RemoveAll(locks), os.Chown(s.RunDir, otherUser, 0)); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []LockMode{Shared, Exclusive} {
		if _, err := s.LockPool(t.Context(), "x", mode); !errors.Is(err, fs.ErrPermission) || exists(locks) {
			t.Errorf("%d: %v", mode, err)
		}
	}
}
