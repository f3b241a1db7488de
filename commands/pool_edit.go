package commands

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/commands/terminal"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// PoolEdit is the verb pool-edit.
type PoolEdit struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolEdit) Help() string {
	return "Opens the definition in $VISUAL, $EDITOR or vi, in its own language (XML or YAML), even " +
		"if it is broken. The edited definition is validated before it replaces the old one. A " +
		"change to an active pool takes effect at the next start.\n\n" +
		"  EDITOR=nano poolctl pool-edit images"
}

// Run lets the user edit a definition.
func (c *PoolEdit) Run(e *env) error {
	e.reportPool(c.Pool)
	entry, err := e.driver.FindPool(c.Pool)
	if entry == nil || entry.File == "" {
		text := fmt.Sprintf("pool %q is transient: it has no definition to edit", c.Pool)
		return cmp.Or(err, error(&backend.StateError{Text: text}))
	}
	if e.cli.Readonly { // no copy, and no editor, which could run any command
		return fmt.Errorf("edit pool %q: %w", entry.Name, host.ReadOnly{}.Change(e.ctx, nil))
	}
	if err := e.driver.Store.CheckDaemon("pool-edit", entry.Name); err != nil { // not after the work
		return fmt.Errorf("edit pool %q: %w", entry.Name, err)
	}
	before, err := e.driver.Store.Source(entry)
	if err != nil {
		return err
	}
	text := before
	if entry.Persistent != nil && filepath.Ext(entry.File) == ".xml" {
		text = []byte(codec.PoolElement(entry.Persistent, nil).String())
	}
	changed, err := c.edit(e, entry, before, text)
	if err != nil {
		return fmt.Errorf("edit pool %q: %w", entry.Name, err)
	}
	if !changed {
		e.Say("Pool %s XML configuration not changed.", entry.Name)
		return nil
	}
	e.Say("Pool %s XML configuration edited.", entry.Name)
	return nil
}

// edit opens a copy of the text in the editor, until the result can be stored or the user gives up.
func (c *PoolEdit) edit(e *env, entry *store.Entry, before, text []byte) (changed bool, err error) {
	file, err := os.CreateTemp("", "poolctl*"+filepath.Ext(entry.File))
	if err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err = file.Write(text); err == nil {
		err = file.Close()
	}
	if err != nil {
		return false, err
	}
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi")
	for {
		if err := host.Edit(e.ctx, editor, file.Name()); err != nil {
			return false, err
		}
		after, err := os.ReadFile(file.Name())
		if err != nil || bytes.Equal(after, text) {
			return false, err
		}
		if err = c.store(e, entry, before, file.Name()); err == nil {
			return true, nil
		}
		if err = c.askAgain(e, err); err != nil {
			return false, err
		}
	}
}

// store replaces the definition, unless it has changed since the user began to edit.
func (c *PoolEdit) store(e *env, entry *store.Entry, before []byte, edited string) error {
	p, yaml, err := e.readPoolWith(codec.ReadStored, edited, entry.File, false)
	if err != nil {
		return err
	}
	return e.driver.Redefine(e.ctx, entry, before, p, yaml)
}

// askAgain prints a problem and asks whether to edit again. It returns nil for yes, and the problem for no or
// if standard input is not a terminal.
func (c *PoolEdit) askAgain(e *env, problem error) error {
	if !terminal.CanAsk() {
		return problem
	}
	for _, line := range terminal.Lines(problem) {
		fmt.Fprintln(e.Stderr, "error: "+line)
	}
	answer, err := e.Ask(e.ctx, os.Stdin, "Edit again? [Y,n]: ")
	switch {
	case e.ctx.Err() != nil:
		return e.ctx.Err()
	case err != nil || strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "n"):
		return problem
	}
	return nil
}
