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

// stranger is a user who is neither root nor the one who runs the tests.
const stranger = 4711

// needsRoot skips a test of what is refused to root only, or needs files of other users.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED without root: files of other users")
	}
}

// promptly fails the test if work takes long: it waits for the other end of a pipe.
func promptly(t *testing.T, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits")
	}
}

// trustStore is a store with a pool x that is defined, marked and running, another pool, and a secret with a value.
func trustStore(t *testing.T) *Store {
	t.Helper()
	s := newStore(t)
	for _, name := range []string{"x", "other"} {
		if err := s.Define(definedPool(t, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.SetAutostart(s.load(t, "x"), true), s.SaveState(definedPool(t, "gone"))); err != nil {
		t.Fatal(err)
	}
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "x"})
	s.setValue(t, "x", "hello")
	return s
}

// use is every way to use a file of the store, each with the error it has.
func (s *Store) use() map[string]error {
	_, pool := s.Load("x")
	_, record := s.Load("gone")
	_, all := s.All()
	_, value := s.SecretValue(pooldef.SecretRef{UUID: idOf(1)}, "ceph")
	_, source := s.Source(&Entry{File: filepath.Join(s.ConfigDir, "x.xml")})
	return map[string]error{"pool": pool, "record": record, "all": all, "secret": value, "source": source}
}

// expectRefused compares which uses a TrustError with this text refuses; the others have to work.
func (s *Store) expectRefused(t *testing.T, text, mend, uses string) {
	t.Helper()
	for use, err := range s.use() {
		untrusted := (*TrustError)(nil)
		switch refused := strings.Contains(" "+uses+" ", " "+use+" "); {
		case !refused && err != nil:
			t.Errorf("%s: %v", use, err)
		case refused && (!errors.As(err, &untrusted) || !errors.Is(err, fs.ErrPermission)):
			t.Errorf("%s: %v", use, err)
		case refused && (!strings.Contains(err.Error(), text) || !strings.HasPrefix(strings.Join(untrusted.Fix, " "), mend)):
			t.Errorf("%s: %v (%s)", use, err, untrusted.Fix)
		}
	}
}

// What others can change is refused to root, by name, and nothing else is.
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
		if err := os.Lchown(path, stranger, 0); err != nil {
			t.Fatal(err)
		}
		s.expectRefused(t, path+" is not trusted: it belongs to user 4711", "chown "+option+"root:", test.uses)
		if err := os.Lchown(path, 0, stranger); err != nil {
			t.Fatal(err)
		}
		s.expectRefused(t, "", "", "")
		for _, mode := range []fs.FileMode{0o020, 0o002} {
			if info.Mode().Type() == fs.ModeSymlink || strings.Contains(test.path, "secrets/") { // it has none; TestSecretsOfOthers
				continue
			}
			if err := os.Chmod(path, info.Mode().Perm()|mode); err != nil {
				t.Fatal(err)
			}
			s.expectRefused(t, path+" is not trusted: it may be changed by others", "chmod "+option+"go-w", test.uses)
		}
	}
}

// What is no regular file is refused without waiting, by its name, and hides nothing else.
func TestNoRegularFile(t *testing.T) {
	for kind, replace := range map[string]func(string) error{
		"fifo": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"link": func(path string) error { return os.Symlink("other.xml", path) },
		"dir":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		for _, file := range []string{"etc/x.xml", "run/gone.xml", "etc/secrets/" + idOf(1) + ".xml", "etc/secrets/" + idOf(1) + ".base64"} {
			s := trustStore(t)
			path := filepath.Join(filepath.Dir(s.ConfigDir), file)
			if err := errors.Join(os.Remove(path), replace(path)); err != nil {
				t.Fatal(err)
			}
			promptly(t, func() {
				var wrong []string
				for _, err := range s.use() {
					if problems := (pooldef.Problems)(nil); errors.As(err, &problems) && problems[0].File == path {
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

// A refused mark is not taken over when a definition changes its language.
func TestForeignMark(t *testing.T) {
	needsRoot(t)
	s := trustStore(t)
	if err := os.Lchown(filepath.Join(s.ConfigDir, "autostart", "x.xml"), stranger, 0); err != nil {
		t.Fatal(err)
	}
	err := s.Define(definedPool(t, "x"), []byte("type: dir\nname: x\ntarget: {path: /srv/x}\n"))
	if !errors.Is(err, fs.ErrPermission) || exists(filepath.Join(s.ConfigDir, "x.yaml")) {
		t.Error(err)
	}
}

// Who may not look at the marks can look at the pools all the same.
func TestHiddenMarks(t *testing.T) {
	needsRoot(t)
	s := trustStore(t)
	work := filepath.Dir(s.ConfigDir)
	err := errors.Join(os.Chmod(filepath.Dir(work), 0o755), os.Chmod(work, 0o755), os.Chmod(s.ConfigDir+"/x.xml", 0o644),
		os.Chmod(s.ConfigDir+"/autostart", 0o700))
	if err != nil {
		t.Fatal(err)
	}
	defer asNobody(t)()
	if e, err := s.Load("x"); err != nil || len(e.Warnings) != 1 || e.Autostart {
		t.Errorf("%+v %v", e, err)
	}
}

// The directory that was checked is the one that is read, whatever is put in its place.
func TestFolderStays(t *testing.T) {
	s := trustStore(t)
	config := openDirectory(s.ConfigDir)
	defer config.close()
	if err := errors.Join(os.Rename(s.ConfigDir, s.ConfigDir+".old"), os.Mkdir(s.ConfigDir, 0o755)); err != nil {
		t.Fatal(err)
	}
	s.put(t, "x.xml", "evil")
	if data, _, err := config.read("x.xml"); err != nil || string(data) == "evil" {
		t.Errorf("%q %v", data, err)
	}
}

// Credentials of another user are refused, not passed over: another value would be taken in silence.
func TestForeignCredentials(t *testing.T) {
	needsRoot(t)
	s := trustStore(t)
	s.Credentials = t.TempDir()
	s.expectRefused(t, "", "", "")
	if err := os.Chown(s.Credentials, stranger, 0); err != nil {
		t.Fatal(err)
	}
	s.expectRefused(t, s.Credentials, "chown -R root:", "secret")
	file := filepath.Join(s.Credentials, idOf(1))
	if err := errors.Join(os.Chown(s.Credentials, 0, 0), os.WriteFile(file, []byte("x"), 0o600), os.Chown(file, stranger, 0)); err != nil {
		t.Fatal(err)
	}
	s.expectRefused(t, file, "chown root:", "secret")
}

// Locks are neither made nor followed in a run directory of others, and never waited for.
func TestForeignLocks(t *testing.T) {
	s := trustStore(t)
	locks := filepath.Join(s.RunDir, "locks")
	if err := errors.Join(os.Mkdir(locks, 0o755), os.Symlink(locks+"/made", locks+"/definitions.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LockDefinitions(t.Context()); !errors.Is(err, unix.ELOOP) || exists(locks+"/made") {
		t.Error(err)
	}
	if err := errors.Join(os.Remove(locks+"/definitions.lock"), unix.Mkfifo(locks+"/definitions.lock", 0o600)); err != nil {
		t.Fatal(err)
	}
	promptly(t, func() {
		if unlock, err := s.LockDefinitions(t.Context()); err == nil {
			unlock()
		}
	})
	needsRoot(t)
	if err := errors.Join(os.RemoveAll(locks), os.Chown(s.RunDir, stranger, 0)); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []LockMode{Shared, Exclusive} {
		if _, err := s.LockPool(t.Context(), "x", mode); !errors.Is(err, fs.ErrPermission) || exists(locks) {
			t.Errorf("%d: %v", mode, err)
		}
	}
}
