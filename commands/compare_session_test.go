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
)

// A compareScript is a session that both sides run. Its file holds commands, one a line, in virsh's words (or together with some
// of virsh's commands, see side.bash); what else there is are preparations. Comments begin with #. Before the first command may stand
//
//	uri: test:///default    virsh's driver, instead of a libvirtd; it forgets everything from one command to the next
//	needs: PROGRAM...       what else has to be on the machine
//
// After the commands come files for the session, each below a line -- NAME --, in which DIR is replaced.
type compareScript struct {
	uri   string
	needs []string
	steps []compareStep
	files map[string]string
}

type compareStep struct {
	line    int
	command string
}

// isPreparation tells whether a command has nothing to do with virsh, so that it should succeed.
func (s compareStep) isPreparation() bool {
	return !strings.Contains(s.command, "virsh") && !strings.HasPrefix(s.command, "together ")
}

func readSession(file string) (*compareScript, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &compareScript{files: map[string]string{}}
	name := "" // of the file that we are in
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
		default:
			s.steps = append(s.steps, compareStep{i + 1, line})
		}
	}
	if len(s.steps) == 0 {
		return nil, fmt.Errorf("%s: there are no commands in it", file)
	}
	return s, nil
}

// A compareSide is virsh or poolctl in a session. Both see the same path dir, each with a file system of its own there.
type compareSide struct {
	name, dir, config, results string
	command                    []string // what runs the script
	env                        []string
	before                     snapshot       // the machine after the step that was read last
	uuids                      map[string]int // those that were seen, in their order
}

// sides lays out the two sides below a directory.
func (s *compareScript) sides(t *testing.T, below, binary string) (virsh, poolctl *compareSide) {
	t.Helper()
	side := func(name, config string, command, env []string) *compareSide {
		return &compareSide{name: name, dir: mkdir(t, below, "dir"), results: mkdir(t, below, "results-"+name), config: config,
			command: command, env: env, before: snapshot{}, uuids: map[string]int{}}
	}
	path, err := exec.LookPath("virsh")
	if err != nil {
		t.Fatal(err)
	}
	private := []string{"unshare", "--mount", "--propagation", "private"}
	virsh = side("virsh", "/etc/libvirt/storage", []string{"../scripts/with-libvirtd"}, []string{"PROGRAM=" + path})
	config := filepath.Join(below, "config")
	poolctl = side("poolctl", config, private,
		[]string{"PROGRAM=" + binary, "POOLCTL_CONFIG_DIR=" + config, "POOLCTL_RUN_DIR=" + filepath.Join(below, "run")})
	if s.uri != "" {
		virsh.command, virsh.env = private, append(virsh.env, "LIBVIRT_DEFAULT_URI="+s.uri)
		poolctl.env = append(poolctl.env, "FORGET=yes")
	}
	return virsh, poolctl
}

func mkdir(t *testing.T, parent, name string) string {
	t.Helper()
	dir := filepath.Join(parent, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run lets a side go through the session.
func (c *compareSide) run(t *testing.T, s *compareScript) {
	t.Helper()
	files, steps := mkdir(t, c.results, "../files-"+c.name), mkdir(t, c.results, "../steps-"+c.name)
	for name, text := range s.files {
		writeFile(t, filepath.Join(files, name), strings.ReplaceAll(text, "DIR", c.dir))
	}
	for i, step := range s.steps {
		writeFile(t, filepath.Join(steps, stepName(i)), step.command+"\n")
	}
	args := slices.Concat(c.command[1:], []string{filepath.Join(compareDir, "side.bash"), files, steps, c.results})
	cmd := exec.Command(c.command[0], args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + c.results, "DIR=" + c.dir, "CONFIG=" + c.config}, c.env...)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil || out.Len() > 0 {
		t.Fatalf("%s's side: %v\n%s", c.name, err, out)
	}
}

func stepName(i int) string { return fmt.Sprintf("%04d", i) }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
