package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/backendtest"
)

// A completion is a word typed before a tab, and the volume that it completes to.
type completion struct{ typed, volume string }

// completed has the completions that all shells must make.
var completed = []completion{
	{"z", "z$(touch PWNED)"}, {"b", "b`touch PWNED`"}, {"s", "s;touch PWNED"}, {"a", "a b"}, {`a\ `, "a b"},
	{"i", "it's"}, {"q", `q"uote`}, {"k", `k\slash`}, {"y", "y*"}, {"-n", "-n"}, {"日", "日本"}, {"h", "h!t"},
	{"d", "d${HOME}"}, {"c", "c#c"}, {`\~`, "~x"}, {`\$`, "$HOME"},
	{"l", "l\nine"}, {"e", "e\x1b[31m"}, {"r", "r\u202e"}, {"m", "m{a,b}"}, {"o", "o[a]?"}, {"p", "p<(id)>&|"},
	{"'z", "z$(touch PWNED)"}, {`"z`, "z$(touch PWNED)"}, {"'a ", "a b"}, {`"i`, "it's"}, {"'i", "it's"},
	{`"q`, `q"uote`}, {"'k", `k\slash`}, {`"d`, "d${HOME}"},
}

// A completingShell is a shell: how it starts, and the commands that it reads first. The command show records
// its last argument.
type completingShell struct {
	name, script string
	args         []string
	rc           string
	more         []completion      // additional ones of this shell
	helps        map[string]string // what is typed, and a part of the list of candidates with their help
}

var shells = []completingShell{
	{"bash", "poolctl.bash", []string{"--noprofile", "--rcfile", "rc", "-i"}, `
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
. ./poolctl.bash
complete -F _poolctl show
show() { printf '%s\0' "${@: -1}" >>got; echo "<<$((++n))>>"; }
echo '<<0>>'
`, []completion{
		{"t", "t\ttab"}, {"x", "x\xff"}, {"f", "f:g@h=i"}, {"f:g", "f:g@h=i"}, {"f:g@h=", "f:g@h=i"},
		{"$'l", "l\nine"}, {`$'l\n`, "l\nine"}, {"'l", "l\nine"}, {`"l`, "l\nine"},
		{`"h`, "h!t"}, {"'h", "h!t"}, {"$'h", "h!t"}, {"'w", "w'"}, {`"j`, `j"`}, {"$'w", "w'"},
		{`"\$`, "$HOME"}, {`"$`, "$HOME"}, {"'f:", "f:g@h=i"}, {`"a b"`, "a b"},
	}, nil},
	{"zsh", "functions/_poolctl", []string{"-d", "-i"}, `
PS1='> ' fpath=(./functions $fpath) n=0
autoload -U compinit
compinit -u -D
compdef _poolctl show
show() { printf '%s\0' "${@[-1]}" >>got; echo "<<$((++n))>>" }
echo '<<0>>'
`, []completion{{"t", "t\ttab"}, {"f:g", "f:g@h=i"}, {`\=`, "=eq"}, {"'l", "l\nine"}},
		map[string]string{
			"poolctl pool-de\t":       "pool-destroy    -- Stop a pool",
			"poolctl pool-list --a\t": "--autostart  -- Only pools that are started",
		}},
	{"fish", "poolctl.fish", []string{"--no-config", "-i", "-C", "source rc"}, `
source poolctl.fish
complete -c show -f -a '(__poolctl_complete)'
set -g n 0
function fish_prompt; printf '> '; end
function show; printf '%s\0' $argv[-1] >>got; set n (math $n + 1); echo "<<$n>>"; end
echo '<<0>>'
`, []completion{{"f:g", "f:g@h=i"}, {"=", "=eq"}, {"'l", "l\nine"}},
		map[string]string{
			"complete -C 'poolctl pool-de'\r":       "pool-destroy\tStop a pool",
			"complete -C 'poolctl pool-list --a'\r": "--autostart\tOnly pools that are started",
		}},
}

// TestShellsComplete types in each shell on a terminal. The shell must insert a volume's name so that the
// command receives exactly that name, and must run and expand nothing. zsh and fish show what verbs and
// options do.
func TestShellsComplete(t *testing.T) {
	backendtest.Long(t, "completion in zsh, fish and an interactive bash")
	for _, s := range shells {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(s.name); err != nil {
				backendtest.NotRun(t, "completion in "+s.name+": it is not installed")
			}
			s.complete(t)
		})
	}
}

func (s *completingShell) complete(t *testing.T) {
	dir := t.TempDir()
	all := slices.Concat(completed, s.more)
	s.write(t, dir+"/y1", "") // y* would expand to it
	for _, c := range all {
		s.write(t, dir+"/images/"+c.volume, "")
	}
	s.write(t, dir+"/rc", s.rc)
	s.write(t, dir+"/.zshrc", s.rc)
	s.write(t, filepath.Join(dir, s.script), s.output(t, dir, "poolctl", "completion", s.name))
	s.output(t, dir, "poolctl", "pool-create-as", "images", "dir", "--target", dir+"/images")
	typed := startOnTerminal(t, s.command(dir, s.name, s.args...))
	typed.expect("<<0>>")
	for i, c := range all {
		typed.write("show vol-info --pool images " + c.typed + "\t\r")
		typed.expect(fmt.Sprintf("<<%d>>", i+1))
	}
	for word, help := range s.helps {
		typed.write(word)
		typed.expect(help)
		typed.write("\x15") // drops the line
	}
	got, err := os.ReadFile(dir + "/got")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSuffix(string(got), "\x00"), "\x00")
	if len(names) != len(all) {
		t.Fatalf("%d lines were typed, but the names are %q", len(all), names)
	}
	for i, name := range names {
		if name != all[i].volume {
			t.Errorf("%s and a tab became %q, not %q", all[i].typed, name, all[i].volume)
		}
	}
	for _, file := range []string{dir + "/PWNED", dir + "/images/PWNED"} {
		if _, err := os.Lstat(file); err == nil {
			t.Error("the shell ran a name as a command")
		}
	}
}

func (s *completingShell) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *completingShell) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ZDOTDIR="+dir, "TERM=dumb", "LC_ALL=C.UTF-8",
		"POOLCTL_CONFIG_DIR="+dir+"/etc", "POOLCTL_RUN_DIR="+dir+"/run")
	return cmd
}

func (s *completingShell) output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := s.command(dir, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// A testTerminal is a terminal that a test types on.
type testTerminal struct {
	t       *testing.T
	master  *os.File
	printed chan []byte
	seen    []byte
}

// startOnTerminal starts a program on a new terminal. The program ends with the test.
func startOnTerminal(t *testing.T, cmd *exec.Cmd) *testTerminal {
	t.Helper()
	master, slave := openTerminal(t)
	size := unix.Winsize{Row: 50, Col: 500}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &size); err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &testTerminal{t: t, master: master, printed: make(chan []byte, 1)}
	go func() {
		defer close(term.printed)
		for {
			buffer := make([]byte, 4096)
			n, err := master.Read(buffer)
			if err != nil {
				return
			}
			term.printed <- buffer[:n]
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		for range term.printed { // until the program closes the terminal
		}
		cmd.Wait()
		master.Close()
	})
	return term
}

func (t *testTerminal) write(text string) {
	t.t.Helper()
	if _, err := t.master.WriteString(text); err != nil {
		t.t.Fatal(err)
	}
}

// expect waits until a text is printed.
func (t *testTerminal) expect(text string) {
	t.t.Helper()
	late := time.After(time.Minute)
	for !bytes.Contains(t.seen, []byte(text)) {
		select {
		case printed, more := <-t.printed:
			if !more {
				t.t.Fatalf("the program ended after\n%q", t.seen)
			}
			t.seen = append(t.seen, printed...)
		case <-late:
			t.t.Fatalf("the program did not print %q, but\n%q", text, t.seen)
		}
	}
}
