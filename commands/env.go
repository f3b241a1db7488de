package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/backend/all"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/commands/terminal"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// An env is the environment of a verb: its context, the command line, the driver, and the output.
type env struct {
	ctx     context.Context
	cli     *cli
	kong    *kong.Kong
	line    []string // the command line, as normalise returned it
	command *kong.Context
	verb    string
	driver  *driver.Driver

	plan         plan         // the steps of a dry run that are not yet settled
	commands     []string     // the settled steps, for -o json
	steps        atomic.Int64 // how many steps were applied since the last call of settle
	changed      bool         // a settled step has changed something
	errorsInJSON bool
	parts        []jsonProblem // the errors of some of several objects
	problems     []jsonProblem // what is missing from lists
	changes      *changes      // what -o json prints about a verb that changes something, or nil
	*terminal.Output

	helped       bool // a verb of a batch has printed help
	inputIsBatch bool // standard input has the verbs of the batch
	isPlugin     bool // the verb is check
	asVirsh      bool // poolctl runs under the name virsh
	timing       bool // print how long the verb takes, as virsh does
}

// sealedKey is the systemd credential that libvirt creates for the key of its secrets, sealed for this
// machine (virt-secret-init-encryption.service).
const sealedKey = "/var/lib/libvirt/secrets/secrets-encryption-key"

// setUp prepares the output, the host and the driver as the global options demand.
func (e *env) setUp(h host.Host) error {
	g := &e.cli.Globals
	if e.timeout() == 0 {
		return &usageError{text: "--timeout: a server needs time to answer"}
	}
	e.Quiet, e.DryRun, e.Debug = g.Quiet || e.changes != nil, g.DryRun, g.Debug
	h = &host.CachedHost{Host: changeCounter{e.wrap(h), &e.steps}}
	definitions := &store.Store{
		Files: hostFiles{e.ctx, h}, Credentials: os.Getenv("CREDENTIALS_DIRECTORY"), ReadOnly: g.Readonly,
		SealedKey: sealedKey, Unseal: func(name, file string) ([]byte, error) {
			return h.Query(e.ctx, host.Cmd("systemd-creds", "decrypt", "--name="+name, file, "-"))
		},
	}
	timeout := e.timeout()
	patience := timeout
	if e.isPlugin { // so that backends themselves report what does not answer
		patience = timeout * 9 / 10
	}
	backends := func(h host.Host) map[pooldef.Type]backend.Backend {
		return all.Backends(h, definitions, patience)
	}
	e.driver = &driver.Driver{
		Store: definitions, Host: h, Backends: backends(h), NewBackends: backends,
		Timeout: timeout, LockTimeout: g.lockTimeout(), DryRun: g.DryRun,
		PoolOption: e.poolOption(), Warn: e.Warn, WarnUnusable: e.warnUnusable,
	}
	if !g.Quiet && terminal.IsWatched() {
		e.driver.WarnWaiting = func(err error) { fmt.Fprintln(e.Stderr, "waiting: "+terminal.Sentence(err)) }
	}
	return e.setDirectories()
}

// wrap returns a host that traces, omits or refuses changes, as the global options demand.
func (e *env) wrap(h host.Host) host.Host {
	g := &e.cli.Globals
	if local, ok := h.(*host.Local); ok {
		local.IdleLimit = e.timeout()
		if g.Debug {
			local.Unconfined = e.warnUnconfined()
		}
	}
	if g.Debug {
		h = host.NewTrace(h, e.Stderr)
	}
	if g.DryRun {
		h = host.NewDryRun(h, &e.plan)
	}
	if g.Readonly {
		h = host.ReadOnly{Host: h}
	}
	return h
}

// warnUnconfined returns a function that warns, the first time, that a program runs unconfined.
func (e *env) warnUnconfined() func(host.Command) {
	var once sync.Once
	return func(c host.Command) {
		once.Do(func() { e.Warn("%s may open any file: this kernel has no Landlock", c.Name) })
	}
}

// warnUnusable warns about a pool whose definition cannot be used.
func (e *env) warnUnusable(pool string, err error) { e.warnProblem("pool", pool, err) }

// warnProblem warns about an object whose definition cannot be used, and keeps the problems for lists in
// JSON.
func (e *env) warnProblem(kind, name string, err error) {
	for _, line := range terminal.Lines(err) {
		e.Warn("%s %q cannot be used: %s", kind, name, line)
	}
	problems := problemsOf(err)
	if problems == nil {
		problem := jsonProblem{Text: fmt.Sprintf("%s %q: %s", kind, name, terminal.Sentence(err))}
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			problem.File = path.Path
		}
		problems = []jsonProblem{problem}
	}
	e.problems = append(e.problems, problems...)
}

// warnMissing warns if the user has named a config directory that does not exist, such as by mistake: its
// lists are empty.
func (e *env) warnMissing() {
	dir := e.driver.Store.ConfigDir
	if _, err := os.Stat(dir); e.cli.ConfigDir != "" && !e.asVirsh && errors.Is(err, fs.ErrNotExist) {
		e.Warn("the config directory %q does not exist", dir)
		e.problems = append(e.problems, jsonProblem{File: dir, Text: "the config directory does not exist"})
	}
}

// timeout returns how long a server may take to answer. For completion it is at most a second, because a
// shell waits. For check, it is the time for all answers together; programs that run plugins wait for 10
// seconds (NRPE's default).
func (e *env) timeout() time.Duration {
	timeout := 30 * time.Second
	if e.isPlugin {
		timeout = 9 * time.Second
	}
	if given := e.cli.Timeout; given != nil {
		timeout = time.Duration(*given)
	}
	if e.verb == "__complete" {
		return min(timeout, time.Second)
	}
	return timeout
}

// lockTimeout returns how long to wait for locks.
func (g *Globals) lockTimeout() time.Duration {
	if given := g.LockTimeout; given != nil {
		return time.Duration(*given)
	}
	return time.Minute
}

// poolOption returns the option that names a volume's pool.
func (e *env) poolOption() string {
	if e.verb == "vol-create-from" {
		return "--inputpool"
	}
	return "--pool"
}

// setDirectories sets the store's directories. It returns an error if the command line is for another
// machine.
func (e *env) setDirectories() (err error) {
	g, s := &e.cli.Globals, e.driver.Store
	if s.ConfigDir, err = configDir(g.ConfigDir); err != nil {
		return err
	}
	if s.LibvirtDir, err = libvirtDir(g.LibvirtDir); err != nil {
		return err
	}
	if s.LibvirtStateDir, err = libvirtStateDir(g.LibvirtStateDir); err != nil {
		return err
	}
	if err = e.checkConnection(); err != nil {
		return err
	}
	s.RunDir, err = runDir(g.RunDir, g.Readonly)
	return err
}
