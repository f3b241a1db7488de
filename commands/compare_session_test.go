package commands_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend/all"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A compareScript is a session that both sides run. Its file has one command a line, in virsh's words (or
// "together" with several of virsh's commands, see side.bash). All other commands are preparations. Comments
// begin with #. Before the first command there may be:
//
//	uri: test:///default    use virsh's driver without a libvirtd; it forgets everything between commands
//	needs: PROGRAM...       additional programs that the machine must have
//	apart: yes              the session has its resources to itself: it may run beside others
//	lab: MODULE...          run in the lab, in a new one for each side, with these kernel modules
//	watch: COMMAND          runs after each step, and prints more of the machine's state
//
// After the commands come files for the session, each below a line -- NAME --. DIR is replaced in them.
// SERVERS is the directory of the backends, whose tests have the programs that start their servers.
type compareScript struct {
	uri   string
	needs []string
	apart bool
	lab   []string // nil: this machine
	watch string
	steps []compareStep
	files map[string]string
}

type compareStep struct {
	line    int
	command string
}

// isPreparation reports whether a command does not run virsh, so that it must succeed.
func (s compareStep) isPreparation() bool {
	return !strings.Contains(s.command, "virsh") && !strings.HasPrefix(s.command, "together ")
}

func readSession(file string) (*compareScript, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &compareScript{files: map[string]string{}}
	name := "" // the file that the line belongs to
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		header, isHeader := strings.CutPrefix(line, "-- ")
		header, ends := strings.CutSuffix(header, " --")
		switch {
		case isHeader && ends:
			name = header
			s.files[name] = ""
		case name != "":
			s.files[name] += line + "\n"
		case line == "" || line[0] == '#':
		case len(s.steps) == 0 && strings.HasPrefix(line, "uri: "):
			s.uri = strings.TrimPrefix(line, "uri: ")
		case len(s.steps) == 0 && strings.HasPrefix(line, "needs: "):
			s.needs = strings.Fields(line)[1:]
		case len(s.steps) == 0 && line == "apart: yes":
			s.apart = true
		case len(s.steps) == 0 && strings.HasPrefix(line, "lab: "):
			s.lab = strings.Fields(line)[1:]
		case len(s.steps) == 0 && strings.HasPrefix(line, "watch: "):
			s.watch = strings.TrimPrefix(line, "watch: ")
		default:
			s.steps = append(s.steps, compareStep{i + 1, line})
		}
	}
	if len(s.steps) == 0 {
		return nil, fmt.Errorf("%s: the file contains no commands", file)
	}
	return s, nil
}

// A compareSide is virsh or poolctl in a session. Both use the same path dir, each with a file system of its
// own there.
type compareSide struct {
	name, dir, config string
	work, seen        string   // the directory of the steps and results, and its path for the commands
	command           []string // runs the script
	env               []string
	before            snapshot       // the machine after the last step that was read
	uuids             map[string]int // numbered in the order of their appearance
}

// sides prepares the two sides below a directory.
func (s *compareScript) sides(t *testing.T, below, binary string) (virsh, poolctl *compareSide) {
	t.Helper()
	path, err := exec.LookPath("virsh")
	if err != nil {
		t.Fatal(err)
	}
	virsh = s.side(t, below, "virsh")
	virsh.config, virsh.env = "/etc/libvirt/storage", []string{"PROGRAM=" + path}
	poolctl = s.side(t, below, "poolctl")
	poolctl.config = poolctl.seen + "/config"
	poolctl.copyIn(t, binary)
	poolctl.env = []string{
		"PROGRAM=" + poolctl.seen + "/virsh", // with virsh's manners
		"POOLCTL_CONFIG_DIR=" + poolctl.config, "POOLCTL_RUN_DIR=" + poolctl.seen + "/run",
	}
	private := []string{"unshare", "--mount", "--propagation", "private"}
	switch {
	case s.lab != nil:
		virsh.command = []string{"../scripts/with-libvirtd"}
	case s.uri != "":
		virsh.command, virsh.env = private, append(virsh.env, "LIBVIRT_DEFAULT_URI="+s.uri)
		poolctl.command, poolctl.env = private, append(poolctl.env, "FORGET=yes")
	default:
		virsh.command, poolctl.command = []string{"../scripts/with-libvirtd"}, private
	}
	return virsh, poolctl
}

// side prepares what both sides have in common.
func (s *compareScript) side(t *testing.T, below, name string) *compareSide {
	t.Helper()
	c := &compareSide{
		name: name, dir: filepath.Join(below, "dir"), work: filepath.Join(below, name),
		before: snapshot{}, uuids: map[string]int{},
	}
	for _, name := range []string{"", "/config", "/files", "/steps", "/results"} {
		if err := os.MkdirAll(c.work+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if c.seen = c.work; s.lab != nil {
		c.seen, c.dir = "/lab", "/srv/compare"
	}
	return c
}

// copyIn copies a program to a place that the lab sees. The lab does not see this machine's /tmp.
func (c *compareSide) copyIn(t *testing.T, binary string) {
	t.Helper()
	data, err := os.ReadFile(binary)
	if err == nil {
		err = os.WriteFile(c.work+"/virsh", data, 0o755) //nolint:gosec // it is a program
	}
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the session on one side.
func (c *compareSide) run(t *testing.T, s *compareScript) {
	t.Helper()
	for name, text := range s.files {
		writeFile(t, filepath.Join(c.work, "files", name), strings.ReplaceAll(text, "DIR", c.dir))
	}
	for i, step := range s.steps {
		writeFile(t, filepath.Join(c.work, "steps", stepName(i)), step.command+"\n")
	}
	env := slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + c.seen, "DIR=" + c.dir, "CONFIG=" + c.config,
		"SERVERS=" + servers(t), "WATCH=" + s.watch, "MODULES=" + strings.Join(s.lab, " "),
	}, c.env)
	script := filepath.Join(compareDir, "side.bash")
	args := slices.Concat(c.command, []string{script, c.seen + "/files", c.seen + "/steps", c.seen + "/results"})
	if s.lab != nil {
		args = slices.Concat([]string{"../scripts/lab", "run", "-t", labLimit, "-d", c.work, "env"}, env, args)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = slices.Concat(env, []string{"POOLCTL_LAB_KERNEL=" + s.kernel()})
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil || out.Len() > 0 {
		t.Fatalf("%s's side: %v\n%s", c.name, err, out)
	}
}

// kernel returns the lab's kernel for the session, a value of POOLCTL_LAB_KERNEL. ZFS's modules are built for
// the release's own kernel.
func (s *compareScript) kernel() string {
	if slices.Contains(s.needs, "zfs") {
		return "release"
	}
	return os.Getenv("POOLCTL_LAB_KERNEL")
}

// servers returns the directory of the backends, whose tests have the programs that start their servers.
func servers(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../backend")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// labLimit is how many seconds one side may take in the lab.
const labLimit = "900"

func stepName(i int) string { return fmt.Sprintf("%04d", i) }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryTypeIsCompared checks that there is a session TYPE.txt for each pool type that has a backend.
func TestEveryTypeIsCompared(t *testing.T) {
	for typ := range all.Backends(&host.Local{}, nil, time.Second) {
		session := string(typ)
		switch typ {
		case pooldef.Dir: // it has many sessions
			session = "pool-life"
		case pooldef.Sheepdog, pooldef.Vstorage: // Debian's libvirt only reads their definitions
			session = "pool-define-test"
		}
		if _, err := os.Stat(filepath.Join(compareDir, session+".txt")); err != nil {
			t.Errorf("pools of type %s are not compared with libvirt's: %v", typ, err)
		}
	}
}
