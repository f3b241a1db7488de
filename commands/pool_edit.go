package commands

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// PoolEdit is the verb pool-edit.
type PoolEdit struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolEdit) Help() string {
	return "Opens the definition in $VISUAL, $EDITOR or vi, in the language that it is written in; also one that cannot be used. What comes " +
		"back is checked before it replaces the old one. If the pool is active, the change counts from the next start on."
}

// Run lets the user edit a definition.
func (c *PoolEdit) Run(e *env) error {
	entry, err := e.findPool(c.Pool)
	if entry == nil || entry.File == "" {
		return cmp.Or(err, error(&stateError{fmt.Sprintf("pool %q is transient: it has no definition to edit", c.Pool), ""}))
	}
	if e.cli.Readonly { // no copy, and no editor, in which one can do anything
		return fmt.Errorf("edit pool %q: %w", entry.Name, host.ReadOnly{}.Change(e.ctx, nil))
	}
	before, err := e.store.Source(entry)
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
		e.say("Pool %s XML configuration not changed.", entry.Name)
		return nil
	}
	e.say("Pool %s XML configuration edited.", entry.Name)
	return nil
}

// edit opens a copy of the text in the editor until what comes back can be stored, or the user gives up.
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
		if err = e.again(err); err != nil {
			return false, err
		}
	}
}

// store defines what was edited, unless the definition has changed meanwhile.
func (c *PoolEdit) store(e *env, entry *store.Entry, before []byte, edited string) error {
	p, yaml, err := e.readPool(edited, entry.File, false)
	if err != nil {
		return err
	}
	switch {
	case p.Name != entry.Name:
		return pooldef.Problems{{Element: "name", Text: "a pool cannot be renamed: define it under the new name"}}
	case p.UUID == "" && entry.Persistent != nil:
		p.UUID = entry.Persistent.UUID
	}
	return e.admit(p, true, func() error {
		now, err := e.store.Source(entry)
		switch {
		case err != nil:
			return err
		case !bytes.Equal(now, before):
			return &pooldef.ConflictError{Text: "the definition was changed by somebody else meanwhile"}
		}
		return e.store.Define(p, yaml)
	})
}

// again shows what is wrong and asks whether to go on editing, and otherwise returns it; without a terminal there is nobody to ask.
func (e *env) again(wrong error) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return wrong
	}
	for _, line := range lines(wrong) {
		fmt.Fprintln(e.stderr, "error: "+line)
	}
	fmt.Fprint(e.stderr, "Edit again? [Y,n]: ")
	answer, err := await(e.ctx, func() (string, error) { return bufio.NewReader(e.stdin).ReadString('\n') })
	switch {
	case e.ctx.Err() != nil:
		return e.ctx.Err()
	case err != nil || strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "n"):
		return wrong
	}
	return nil
}
