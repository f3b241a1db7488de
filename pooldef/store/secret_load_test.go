package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// idOf returns the UUID of test secret n.
func idOf(n int) string { return fmt.Sprintf("11111111-2222-3333-4444-%012d", n) }

func (s *Store) defineSecret(t *testing.T, secret pooldef.Secret) {
	t.Helper()
	if err := s.DefineSecret(&secret); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) secret(t *testing.T, name string) *SecretEntry {
	t.Helper()
	e, err := s.Secret(name)
	if err != nil || len(e.Warnings) > 0 {
		t.Fatalf("%s: %v %v", name, err, e.Warnings)
	}
	return e
}

func (s *Store) setValue(t *testing.T, name, value string) {
	t.Helper()
	if err := s.SetSecretValue(s.secret(t, name), []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// files lists everything in the store's directories, with modes.
func (s *Store) files(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, dir := range []string{s.ConfigDir, s.RunDir} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if info, err := os.Lstat(path); err == nil && path != dir {
				lines = append(lines, fmt.Sprintf("%04o %s", info.Mode().Perm(),
					strings.TrimPrefix(path, filepath.Dir(dir)+"/")))
			}
			return err
		})
	}
	return strings.Join(lines, "\n")
}

// TestSecrets follows a secret from its definition, through a change to ephemeral, to its removal.
func TestSecrets(t *testing.T) {
	s := newStore(t)
	if entries, err := s.Secrets(); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
	ceph := pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "client.admin secret"}
	s.defineSecret(t, ceph)
	e := s.secret(t, "client.admin secret")
	if !reflect.DeepEqual(*e.Secret, ceph) || e.HasValue ||
		!reflect.DeepEqual(e, s.secret(t, strings.ReplaceAll(idOf(1), "-", ""))) {
		t.Errorf("%+v", e)
	}
	if _, err := s.ValueOf(e); !errors.Is(err, pooldef.ErrNoValue) ||
		err.Error() != "secret "+idOf(1)+" has no value" {
		t.Error(err)
	}
	s.setValue(t, idOf(1), "hello")
	const stays = "0700 etc/secrets\n0600 etc/secrets/11111111-2222-3333-4444-000000000001.base64\n" +
		"0600 etc/secrets/11111111-2222-3333-4444-000000000001.xml"
	if got := s.files(t); got != stays {
		t.Error(got)
	}
	if text, err := os.ReadFile(filepath.Join(s.ConfigDir, "secrets", idOf(1)+".base64")); err != nil ||
		string(text) != "aGVsbG8=" {
		t.Errorf("%q %v", text, err)
	}

	ceph.Ephemeral, ceph.Description = true, "now"
	s.defineSecret(t, ceph)
	const goes = "0700 etc/secrets\n0700 run/secrets\n" +
		"0600 run/secrets/11111111-2222-3333-4444-000000000001.base64\n" +
		"0600 run/secrets/11111111-2222-3333-4444-000000000001.xml"
	if got := s.files(t); got != goes {
		t.Error(got)
	}
	e = s.secret(t, idOf(1))
	if value, err := s.ValueOf(e); err != nil || string(value) != "hello" || !e.HasValue ||
		*e.Secret != ceph {
		t.Errorf("%q %v %+v", value, err, e)
	}
	if err := s.UndefineSecret(e); err != nil {
		t.Error(err)
	}
	if _, err := s.Secret(idOf(1)); !errors.Is(err, pooldef.ErrNoSecret) {
		t.Error(err)
	}
	if got := s.files(t); got != "0700 etc/secrets\n0700 run/secrets" {
		t.Error(got)
	}
}

func TestSecretConflicts(t *testing.T) {
	s := newStore(t)
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "a", Private: true})
	s.defineSecret(t, pooldef.Secret{UUID: idOf(2), UsageType: "iscsi", Usage: "a"})
	s.defineSecret(t, pooldef.Secret{UUID: idOf(3), UsageType: "none"})
	s.defineSecret(t, pooldef.Secret{UUID: idOf(4), UsageType: "none"}) // as many as one likes
	s.defineSecret(t, pooldef.Secret{UsageType: "ceph", Usage: "b"})
	if e := s.secret(t, "b"); len(e.UUID) != 36 {
		t.Errorf("%+v", e)
	}
	for _, test := range []struct {
		secret pooldef.Secret
		want   string
	}{
		{pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "c", Private: true},
			`secret ` + idOf(1) + ` is already defined for use with "ceph a"`},
		{pooldef.Secret{UUID: idOf(1), UsageType: "tls", Usage: "a", Private: true},
			`secret ` + idOf(1) + ` is already defined for use with "ceph a"`},
		{pooldef.Secret{UUID: idOf(3), UsageType: "ceph", Usage: "c"},
			`secret ` + idOf(3) + ` is already defined for use with "Unused"`},
		{pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "a"},
			`secret ` + idOf(1) + ` is private: that cannot be changed`},
		{pooldef.Secret{UUID: idOf(5), UsageType: "iscsi", Usage: "a"},
			`secret ` + idOf(2) + ` is already defined for use with "iscsi a"`},
	} {
		conflict := (*pooldef.ConflictError)(nil)
		if err := s.DefineSecret(&test.secret); !errors.As(err, &conflict) || err.Error() != test.want {
			t.Errorf("got %v\nwant %s", err, test.want)
		}
	}
	if _, err := s.Secret("a"); err == nil || !strings.Contains(err.Error(), `are both for "a"`) {
		t.Error(err)
	}
}

// TestSecretValue checks that a usage finds only secrets of its usage type, and that a UUID does not return a
// secret of another type.
func TestSecretValue(t *testing.T) {
	s := newStore(t)
	for i, usageType := range []string{"ceph", "iscsi", "none"} {
		usage := map[bool]string{true: "x"}[usageType != "none"]
		s.defineSecret(t, pooldef.Secret{UUID: idOf(i), UsageType: usageType, Usage: usage, Private: true})
		s.setValue(t, idOf(i), "of "+usageType)
	}
	for _, test := range []struct {
		ref             pooldef.SecretRef
		usageType, want string
		err             error
	}{
		{pooldef.SecretRef{Usage: "x"}, "ceph", "of ceph", nil},
		{pooldef.SecretRef{Usage: "x"}, "iscsi", "of iscsi", nil},
		{pooldef.SecretRef{Usage: "x"}, "volume", "", pooldef.ErrNoSecret},
		{pooldef.SecretRef{UUID: idOf(1)}, "iscsi", "of iscsi", nil},
		{pooldef.SecretRef{UUID: idOf(1)}, "ceph", "", pooldef.ErrNoSecret},
		{pooldef.SecretRef{UUID: idOf(2)}, "ceph", "of none", nil},
		{pooldef.SecretRef{UUID: idOf(3)}, "ceph", "", pooldef.ErrNoSecret},
	} {
		if value, err := s.SecretValue(test.ref, test.usageType); string(value) != test.want ||
			!errors.Is(err, test.err) {
			t.Errorf("%+v for %s: %q, %v", test.ref, test.usageType, value, err)
		}
	}
	if file := s.SecretFile(pooldef.SecretRef{Usage: "x"}, "iscsi"); file != filepath.Join(s.ConfigDir,
		"secrets", idOf(1)+".base64") {
		t.Error(file)
	}
	if file := s.SecretFile(pooldef.SecretRef{UUID: idOf(1)}, "ceph"); file != "" {
		t.Error(file)
	}
	if secret, err := s.SecretOf("ceph", "x"); err != nil || secret.UUID != idOf(0) {
		t.Errorf("%+v %v", secret, err)
	}
	if secret, err := s.SecretOf("tls", "x"); err != nil || secret != nil {
		t.Errorf("%+v %v", secret, err)
	}
}

// TestCredentials checks that a systemd credential takes precedence, byte for byte, and needs no definition.
func TestCredentials(t *testing.T) {
	s := newStore(t)
	s.Credentials = t.TempDir()
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "x"})
	credential := func(n int, value string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.Credentials, idOf(n)), []byte(value), 0o440); err != nil {
			t.Fatal(err)
		}
	}
	credential(1, "raw\x00\n")
	credential(2, "without a definition")
	credential(3, "")
	if e := s.secret(t, "x"); !e.HasValue {
		t.Errorf("%+v", e)
	}
	s.setValue(t, "x", "in a file")
	for ref, want := range map[pooldef.SecretRef]string{{Usage: "x"}: "raw\x00\n",
		{UUID: idOf(1)}: "raw\x00\n", {UUID: idOf(2)}: "without a definition"} {
		if value, err := s.SecretValue(ref, "ceph"); err != nil || string(value) != want {
			t.Errorf("%+v: %q, %v", ref, value, err)
		}
		if file := s.SecretFile(ref, "ceph"); filepath.Dir(file) != s.Credentials {
			t.Errorf("%+v: %s", ref, file)
		}
	}
	if _, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(3)}, "ceph"); err == nil ||
		err.Error() != filepath.Join(s.Credentials, idOf(3))+": the value is empty" {
		t.Error(err)
	}
	if _, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(4)}, "ceph"); !errors.Is(err,
		pooldef.ErrNoSecret) {
		t.Error(err)
	}
}

// TestSecretBytes checks that values can be any bytes up to the limit, and that base64 may be wrapped.
func TestSecretBytes(t *testing.T) {
	for _, value := range [][]byte{{0}, []byte("\n"), bytes.Repeat([]byte{0xff, 0, 'x'}, MaxSecret/3)} {
		s := newStore(t)
		s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none"})
		s.setValue(t, idOf(1), string(value))
		if got, err := s.ValueOf(s.secret(t, idOf(1))); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d bytes: %d, %v", len(value), len(got), err)
		}
	}
	for text, want := range map[string]string{
		"aGVs\r\nbG8=\n": "", " aGVsbG8= ": "", "": "the value is empty", " \n": "the value is empty",
		"aGVsbG8": "it is not base64", "hunter2!": "it is not base64", "aGVs\x00bG8=": "it is not base64",
		strings.Repeat("AAAA", MaxSecret/3+1): "the value is larger than 65536 bytes",
	} {
		value, err := DecodeSecret([]byte(text))
		if want == "" && (err != nil || string(value) != "hello") || want != "" &&
			(err == nil || err.Error() != want) {
			t.Errorf("%.20q: %q, %v", text, value, err)
		}
	}
}

// TestBrokenSecrets checks that broken files are reported and do not hide the others.
func TestBrokenSecrets(t *testing.T) {
	s := newStore(t)
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "good"})
	good := codec.SecretElement(s.secret(t, "good").Secret).String()
	dir, run := filepath.Join(s.ConfigDir, "secrets"), filepath.Join(s.RunDir, "secrets")
	for file, text := range map[string]string{
		dir + "/" + idOf(2) + ".xml":    "<secret>\n<usage",
		dir + "/" + idOf(3) + ".xml":    good,
		dir + "/" + idOf(4) + ".xml":    "<secret><usage type='ceph'><name>by hand</name></usage></secret>",
		dir + "/" + idOf(5) + ".xml":    "<secret/>",
		run + "/" + idOf(5) + ".xml":    "<secret/>",
		dir + "/ceph.xml":               "<secret/>",
		dir + "/.hidden.xml":            "<",
		dir + "/README":                 "x",
		dir + "/" + idOf(4) + ".base64": "###",
	} {
		if err := s.Files.WritePrivate(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := s.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		line := e.UUID
		if e.Err != nil {
			line += " " + strings.ReplaceAll(s.short(e.Err), s.RunDir, "RUN")
		}
		got = append(got, line)
	}
	want := strings.Join([]string{
		idOf(1),
		idOf(2) + " secrets/" + idOf(2) + ".xml:2: malformed XML: unexpected EOF",
		idOf(3) + " secrets/" + idOf(3) + `.xml: uuid: "` + idOf(1) + `" is not the file's name "` + idOf(3) +
			`"`,
		idOf(4),
		idOf(5) + " secret " + idOf(5) + " is defined twice, in secrets/" + idOf(5) +
			".xml and RUN/secrets/" + idOf(5) + ".xml",
		"ceph secrets/ceph.xml: the file of a secret must be named by its uuid, in lower case",
	}, "\n")
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if e := s.secret(t, "by hand"); e.Secret.UUID != idOf(4) {
		t.Errorf("%+v", e)
	}
	if _, err := s.SecretValue(pooldef.SecretRef{Usage: "by hand"}, "ceph"); err == nil ||
		s.short(err) != "secrets/"+idOf(4)+".base64: it is not base64" {
		t.Error(err)
	}
	if err := s.DefineSecret(&pooldef.Secret{UUID: idOf(2), UsageType: "none"}); err == nil ||
		!strings.HasPrefix(err.Error(), "the existing definition of secret "+idOf(2)) {
		t.Error(err)
	}
	broken, err := s.Secret(idOf(2))
	if err == nil || s.UndefineSecret(broken) != nil || exists(dir+"/"+idOf(2)+".xml") {
		t.Errorf("%+v %v", broken, err)
	}
}

// TestUntrustedSecrets checks that definitions and values that other users may read or change are refused.
func TestUntrustedSecrets(t *testing.T) {
	s := newStore(t)
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "x"})
	s.setValue(t, "x", "hello")
	definition := s.secret(t, "x").File
	value := valueFile(definition)
	refused := func(why string) {
		t.Helper()
		_, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(1)}, "ceph")
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %s", err, why)
		}
	}
	for _, file := range []string{definition, value} {
		for _, mode := range []fs.FileMode{0o604, 0o602, 0o640} {
			if err := os.Chmod(file, mode); err != nil {
				t.Fatal(err)
			}
			refused(fmt.Sprintf("other users can use it (mode %04o, not 0600)", mode))
		}
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(value, 4711, 0); err != nil {
			t.Fatal(err)
		}
		refused("belongs to user 4711")
	}
	if err := errors.Join(os.Remove(value), os.Mkdir(value, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(1)}, "ceph"); err == nil ||
		!strings.HasSuffix(err.Error(), "is not a file") {
		t.Error(err)
	}
}

// TestFailingSecrets checks that failed changes are reported, and leave the old state.
func TestFailingSecrets(t *testing.T) {
	s := newStore(t)
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none"})
	s.setValue(t, idOf(1), "hello")
	e, before := s.secret(t, idOf(1)), s.files(t)
	full := errors.New("disk full")
	s.Files = refusing{full}
	for name, err := range map[string]error{
		"define": s.DefineSecret(&pooldef.Secret{UUID: idOf(1), UsageType: "none"}),
		"move":   s.DefineSecret(&pooldef.Secret{UUID: idOf(1), UsageType: "none", Ephemeral: true}),
		"set":    s.SetSecretValue(e, []byte("x")), "undefine": s.UndefineSecret(e),
	} {
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := s.files(t); after != before {
		t.Error(after)
	}
}

// TestSecretsAreLocked checks that values, including those of credentials, are in memory that is not swapped
// out.
func TestSecretsAreLocked(t *testing.T) {
	s := newStore(t)
	s.Credentials = t.TempDir()
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none"})
	s.setValue(t, idOf(1), strings.Repeat("x", MaxSecret))
	err := os.WriteFile(filepath.Join(s.Credentials, idOf(2)), bytes.Repeat([]byte("x"), MaxSecret),
		0o400)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		value, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(n)}, "ceph")
		if err != nil || len(value) != MaxSecret || !isLocked(t, &value[0]) ||
			!isLocked(t, &value[MaxSecret-1]) {
			t.Errorf("%d: %d bytes, %v", n, len(value), err)
		}
	}
}

// isLocked reports whether the memory at an address has the flag "lo" (proc(5), smaps).
func isLocked(t *testing.T, at *byte) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	here := false
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			address := uintptr(unsafe.Pointer(at))
			here = from <= address && address < to
		} else if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && here {
			return strings.Contains(flags, " lo")
		}
	}
	t.Fatal("no mapping contains the byte")
	return false
}
