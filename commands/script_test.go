package commands

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// lab is locked by the session that uses the lab's servers.
var lab sync.Mutex

// TestScript runs the sessions of testdata/script: the lines that a user types, with the exact output.
// UPDATE=1 records the output.
func TestScript(t *testing.T) { runSessions(t, "../testdata/script") }

// runSessions runs the sessions in a directory.
func runSessions(t *testing.T, dir string) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED without root: the sessions of " + strings.TrimPrefix(dir, "../"))
	}
	// of constant length: paths determine the width of tables
	root := fmt.Sprintf("/tmp/poolctl-%08d", os.Getpid())
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		WorkdirRoot:         root,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"HOME": env.WorkDir, "POOLCTL_CONFIG_DIR": env.WorkDir + "/etc",
				"POOLCTL_RUN_DIR": env.WorkDir + "/run", "POOLCTL_LIBVIRT_DIR": env.WorkDir + "/libvirt",
				"POOLCTL_LIBVIRT_STATE_DIR": env.WorkDir + "/libvirt-state", "LC_ALL": "C.UTF-8",
				"POOLCTL_CACHE_DIR": env.WorkDir + "/cache",
			} {
				env.Setenv(name, value)
			}
			if os.Getenv("POOLCTL_LAB") != "" { // all sessions share the servers
				lab.Lock()
				env.Defer(lab.Unlock)
			}
			env.Setenv("PATH", env.WorkDir+"/bin:"+env.Getenv("PATH")) // programs of the session
			for _, servers := range []string{
				"../backend/netfs/testdata", "../backend/iscsi/testdata", "../backend/rbd/testdata",
				"../backend/vstorage/testdata", "../backend/gluster/testdata", "../scripts/lab.d", "../testdata/bin",
			} {
				path, err := filepath.Abs(servers)
				if err != nil {
					return err
				}
				env.Setenv("PATH", env.Getenv("PATH")+":"+path)
			}
			return nil
		},
		// Sessions that need the lab (scripts/lab) begin with [!lab] skip, sessions that need Ceph with
		// [!ceph] skip.
		Condition: func(name string) (bool, error) {
			if name == "lab" {
				return os.Getenv("POOLCTL_LAB") != "", nil
			}
			_, err := exec.LookPath("ceph-mon")
			if err != nil && os.Getenv("POOLCTL_TEST_ALL") != "" {
				return false, err
			}
			return name == "ceph" && err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"session": session, "webserver": webserver},
	})
}

// session runs the lines of the file session that begin with "$ " with sh, and writes them with their output
// to the file transcript.
func session(ts *testscript.TestScript, _ bool, _ []string) {
	var transcript strings.Builder
	work := ts.Getenv("WORK")
	for line := range strings.Lines(ts.ReadFile("session")) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		output, status := sh(ts, work, strings.TrimSpace(command))
		_, err := checkJSON(command, output)
		ts.Check(err)
		if output != "" && !strings.HasSuffix(output, "\n") { // the next line of the session begins a line
			output += "\n"
		}
		fmt.Fprintf(&transcript, "%s%s", line, normalised(output, work))
		if status != 0 {
			fmt.Fprintf(&transcript, "[%d]\n", status)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("transcript"), []byte(transcript.String()), 0o600))
}

// sh runs a command with sh and returns its output and status.
func sh(ts *testscript.TestScript, work, command string) (string, int) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = work
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "TMPDIR=" + work}
	for _, name := range []string{"HOME", "WORK", "POOLCTL_CONFIG_DIR", "POOLCTL_RUN_DIR", "POOLCTL_LIBVIRT_DIR",
		"POOLCTL_LIBVIRT_STATE_DIR", "POOLCTL_CACHE_DIR", "LC_ALL", "SSL_CERT_FILE", "HTTP", "HTTPS"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	output, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(output), exit.ExitCode()
	}
	ts.Check(err)
	return string(output), 0
}

var (
	randomUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	stampXML   = regexp.MustCompile(`<([acmb]time)>[0-9.]+</`)
	stampJSON  = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
)

// normalised replaces text that differs in each run: the directory, random uuids, times.
func normalised(text, work string) string {
	text = strings.ReplaceAll(text, work, "$WORK")
	text = serverPort.ReplaceAllString(text, "$1${2}PORT")
	text = randomUUID.ReplaceAllString(text, "00000000-0000-4000-8000-000000000000")
	text = stampXML.ReplaceAllString(text, "<$1>TIME</")
	return stampJSON.ReplaceAllString(text, "TIME")
}
