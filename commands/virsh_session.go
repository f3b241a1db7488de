package commands

import (
	"slices"
	"strings"

	"poolctl/commands/batch"
)

const welcome = `Welcome to virsh, the virtualization interactive terminal.

Type:  'help' for help with commands
       'quit' to quit

`

// session runs the commands that standard input has, line by line, and prints what virsh prints if standard
// input is not a terminal. The exit status is 0, whatever the commands did. All of standard input is read
// before the first command runs, because another virsh may have to run all of it.
func (r *virshRun) session() int {
	text, err := r.readStdin()
	if err != nil {
		return r.newEnv().report(err)
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	if lines[len(lines)-1] != "" { // virsh prints a last prompt in any case
		lines = append(lines, "")
	}
	for _, line := range lines {
		commands, err := batch.Parse(line)
		if commands, quits := beforeQuit(commands); err == nil {
			if name := otherCommand(commands); name != "" {
				return r.handOver("command "+name, text)
			}
			if quits {
				break
			}
		}
	}
	e := r.newEnv()
	if !r.line.Quiet {
		e.Print("%s", welcome)
	}
	for _, line := range lines {
		e.Print("%s%s\n", r.prompt(), line)
		err := e.Finish(false)
		if r.ctx.Err() != nil {
			err = r.ctx.Err()
		}
		if err != nil {
			return e.report(err)
		}
		if quits := r.runLine(line); quits {
			e.Print("\n")
			break
		}
	}
	return e.report(e.Finish(false))
}

// prompt returns the text before each line.
func (r *virshRun) prompt() string {
	if r.line.ReadOnly {
		return "virsh > "
	}
	return "virsh # "
}

// runLine runs the commands of a line, and reports whether it ends the session.
func (r *virshRun) runLine(line string) (quits bool) {
	commands, err := batch.Parse(line)
	if err != nil {
		r.newEnv().report(err)
		return false
	}
	commands, quits = beforeQuit(commands)
	b := r.batch()
	b.fromInput = true
	b.runCommands(r.ctx, r.host, commands, statusDone)
	return quits
}

// beforeQuit returns the commands before the first quit or exit, and whether there is one.
func beforeQuit(commands [][]string) (before [][]string, quits bool) {
	isQuit := func(words []string) bool { return words[0] == "quit" || words[0] == "exit" }
	if i := slices.IndexFunc(commands, isQuit); i >= 0 {
		return commands[:i], true
	}
	return commands, false
}
