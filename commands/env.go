package commands

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
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
	command *kong.Context
	verb    string
	driver  *driver.Driver
	plan    bytes.Buffer // the steps of a dry run that are not yet printed
	*terminal.Output

	helped       bool // a verb of a batch has printed help
	inputIsBatch bool // standard input has the verbs of the batch
	asVirsh      bool // poolctl runs under the name virsh
	timing       bool // print how long the verb takes, as virsh does
}

// printPlan prints the steps that a dry run has collected since the last call. After an error it prints none:
// the plan is not complete, and ends with steps that undo others.
func (e *env) printPlan(err error) {
	if err == nil {
		_, _ = e.People.Write(e.plan.Bytes())
	}
	e.plan.Reset()
}

// setUp prepares the output, the host and the driver as the global options demand.
func (e *env) setUp(h host.Host) error {
	g := &e.cli.Globals
	if g.Timeout == 0 {
		return &usageError{text: "--timeout: a server needs time to answer"}
	}
	e.Quiet, e.DryRun, e.Debug = g.Quiet, g.DryRun, g.Debug
	h = &host.CachedHost{Host: e.wrap(h)}
	definitions := &store.Store{
		Files: hostFiles{e.ctx, h}, Credentials: os.Getenv("CREDENTIALS_DIRECTORY"), ReadOnly: g.Readonly,
	}
	timeout := e.timeout()
	backends := func(h host.Host) map[pooldef.Type]backend.Backend {
		return all.Backends(h, definitions, timeout)
	}
	e.driver = &driver.Driver{
		Store: definitions, Host: h, Backends: backends(h), NewBackends: backends,
		Timeout: timeout, LockTimeout: time.Duration(g.LockTimeout), DryRun: g.DryRun,
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
		local.IdleLimit = time.Duration(g.Timeout)
		if g.Debug {
			local.Unconfined = e.warnUnconfined()
		}
	}
	if g.Debug {
		h = host.Trace{Host: h, W: e.Stderr}
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
func (e *env) warnUnusable(pool string, err error) {
	for _, line := range terminal.Lines(err) {
		e.Warn("pool %q cannot be used: %s", pool, line)
	}
}

// timeout returns how long a server may take to answer. For completion it is at most a second, because a
// shell waits.
func (e *env) timeout() time.Duration {
	timeout := time.Duration(e.cli.Timeout)
	if e.verb == "__complete" {
		return min(timeout, time.Second)
	}
	return timeout
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
