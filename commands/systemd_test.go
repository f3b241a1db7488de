package commands_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"poolctl/backend/backendtest"
)

// TestSystemd boots systemd in the lab (scripts/lab systemd) once for each archive in testdata/systemd. An
// archive holds:
//
//	kernel      "release" if the lab needs the release's own kernel, for ZFS
//	root/PATH   files of the lab; the test adds poolctl and its units
//	prepare     script to run before systemd starts
//	script      script to run when multi-user.target is reached
//	stdout      output of script
//	console     systemd's own log lines, in this order; the lines of a unit may come earlier or later, and so
//	            may lines after an empty one
//	never       texts that must not be in the console log
func TestSystemd(t *testing.T) {
	requireForSystemd(t)
	files, err := filepath.Glob("../testdata/systemd/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives in testdata/systemd (%v)", err)
	}
	binary := poolctlBinary(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bootArchive(t, archive, binary)
		})
	}
}

// TestUnitsMount checks that no unit that mounts has a mount namespace of its own (systemd.exec(5)): pools
// mounted there would be visible to nobody else.
func TestUnitsMount(t *testing.T) {
	namespace := regexp.MustCompile(`(?m)^((Private|Protect|Bind|Root|ReadOnly|ReadWrite|Inaccessible|NoExec|Mount|Temporary|Extension|Dynamic)\w*|ExecPaths)=.*`)
	units, err := filepath.Glob("../scripts/systemd/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("no units in scripts/systemd (%v)", err)
	}
	onlyLook := []string{"poolctl-check.service", "poolctl-metrics.service"}
	for _, unit := range units {
		if slices.Contains(onlyLook, filepath.Base(unit)) {
			continue
		}
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		if found := namespace.FindAllString(string(text), -1); found != nil {
			t.Errorf("%s: %q", unit, found)
		}
	}
}

// TestInstallUnits installs the units from a checkout, with a path that is relative, as a user whose new
// files nobody else can read, and for a program that does not exist.
func TestInstallUnits(t *testing.T) {
	root := t.TempDir()
	script, err := filepath.Abs("../scripts/systemd/install")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		cmd := exec.Command("sh", "-c", `umask 077; exec "$0" "$@"`, script, "root")
		cmd.Dir, cmd.Env = root, append(os.Environ(), "POOLCTL=./bin/../poolctl")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	lib := filepath.Join(root, "root/usr/local/lib/systemd")
	unit := filepath.Join(lib, "system/poolctl-autostart.service")
	text, err := os.ReadFile(unit)
	if want := "\nExecStart=" + root + "/poolctl autostart\n"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%v, no %q in\n%s", err, want, text)
	}
	if info, err := os.Stat(unit); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	if link, err := os.Readlink(lib + "/system-generators/poolctl-generator"); link != root+"/poolctl" {
		t.Errorf("%q, %v", link, err)
	}
	// Whatever happens, nothing is installed on this machine.
	mkdir := root + "/mkdir"
	if err := os.WriteFile(mkdir, []byte("#!/bin/false\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	cmd := exec.Command(script)
	cmd.Env = append(os.Environ(), "POOLCTL="+root+"/missing", "PATH="+root+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if want := "scripts/systemd/install: there is no " + root + "/missing\n"; err == nil || string(out) != want {
		t.Errorf("%v, %s", err, out)
	}
}

// TestRemovePackage removes the package from a machine with enabled units: no link to a unit remains.
func TestRemovePackage(t *testing.T) {
	systemctl, err := exec.LookPath("systemctl")
	if err != nil {
		backendtest.NotRun(t, "removal of the package: needs systemctl")
	}
	root, bin := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nexec " + systemctl + " --root=" + root + " \"$@\"\n"
	if err := os.WriteFile(bin+"/systemctl", []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "POOLCTL=/usr/sbin/poolctl", "PATH="+bin+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	run("../scripts/systemd/install", root)
	run(bin+"/systemctl", "enable", "poolctl-pools.target", "poolctl-check.timer", `poolctl-pool@my\x2dpool.service`)
	links := func() []string {
		found, err := filepath.Glob(root + "/etc/systemd/system/*/*")
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	run("../scripts/release.d/prerm", "upgrade")
	if len(links()) != 3 {
		t.Errorf("after an upgrade: %q", links())
	}
	run("../scripts/release.d/prerm", "remove")
	if len(links()) != 0 {
		t.Errorf("after a removal: %q", links())
	}
}

// requireForSystemd skips a test on a machine that cannot boot systemd in the lab.
func requireForSystemd(t *testing.T) {
	t.Helper()
	backendtest.Long(t, "poolctl at boot and poweroff")
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "poolctl at boot and poweroff: needs root")
	}
	for _, program := range []string{"linux.uml", "/lib/systemd/systemd", "/lib/systemd/systemd-udevd"} {
		if _, err := exec.LookPath(program); err != nil {
			backendtest.NotRun(t, "poolctl at boot and poweroff: needs "+program)
		}
	}
}

// bootArchive boots with the files of an archive, and checks the script's output and the console log.
func bootArchive(t *testing.T, archive *txtar.Archive, binary string) {
	t.Helper()
	dir := t.TempDir()
	if err := txtar.Write(archive, dir); err != nil {
		t.Fatal(err)
	}
	install(t, "-T", binary, dir+"/root/usr/local/sbin/poolctl")
	units := exec.Command("../scripts/systemd/install", filepath.Join(dir, "root"))
	units.Env = append(os.Environ(), "POOLCTL=/usr/local/sbin/poolctl")
	if out, err := units.CombinedOutput(); err != nil {
		t.Fatalf("scripts/systemd/install: %v\n%s", err, out)
	}
	boot := exec.Command("../scripts/lab", "systemd", "-t", "900", "-d", dir, filepath.Join(dir, "script"))
	if kernel := sectionOf(archive, "kernel"); kernel != "" {
		boot.Env = append(os.Environ(), "POOLCTL_LAB_KERNEL="+strings.TrimSpace(kernel))
	}
	var stdout, stderr bytes.Buffer
	boot.Stdout, boot.Stderr = &stdout, &stderr
	if err := boot.Run(); err != nil {
		t.Errorf("scripts/lab systemd: %v\n%s", err, stderr.String())
	}
	if wanted := sectionOf(archive, "stdout"); stdout.String() != wanted {
		t.Errorf("the script printed:\n%s\nwanted:\n%s", stdout.String(), wanted)
	}
	log, err := os.ReadFile(filepath.Join(dir, "console"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkConsole(string(log), sectionOf(archive, "console"), sectionOf(archive, "never")); err != nil {
		t.Errorf("%v\nthe console:\n%s", err, log)
	}
}

// checkConsole returns an error for each line of never that the log contains, and for the first line of
// wanted that does not follow the lines before it.
func checkConsole(log, wanted, never string) error {
	var errs []error
	for line := range strings.Lines(never) {
		if line = strings.TrimSuffix(line, "\n"); strings.Contains(log, line) {
			errs = append(errs, errors.New("the console has: "+line))
		}
	}
	rest := log
	for line := range strings.Lines(wanted) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			rest = log
			continue
		}
		_, after, found := strings.Cut(rest, line)
		if !found {
			return errors.Join(append(errs, errors.New("not on the console, or not in this order: "+line))...)
		}
		rest = after
	}
	return errors.Join(errs...)
}

// sectionOf returns the content of a file of an archive, or "".
func sectionOf(archive *txtar.Archive, name string) string {
	for _, file := range archive.Files {
		if file.Name == name {
			return string(file.Data)
		}
	}
	return ""
}

// install runs install(1), which creates the directories above the copy.
func install(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("install", append([]string{"-D"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("install: %v\n%s", err, out)
	}
}
