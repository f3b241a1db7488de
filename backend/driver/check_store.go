package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/backend/check"
	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// entriesToCheck returns the entries with these names or uuids, or all, and the findings about other files of
// the store. A name without a pool is one of them.
func (d *Driver) entriesToCheck(all []*store.Entry, names []string) ([]*store.Entry, []check.Finding) {
	if len(names) == 0 {
		return all, append(d.danglingLinks(), d.untrustedSecrets()...)
	}
	var entries []*store.Entry
	var general []check.Finding
	for _, name := range names {
		i := slices.IndexFunc(all, func(e *store.Entry) bool {
			return e.Name == name || e.Err == nil && e.Current().UUID == name
		})
		switch {
		case i < 0:
			f := check.New("definition", "there is no such pool", "poolctl pool-list --all")
			f.Pool, f.Severity = name, check.Unknown
			general = append(general, f)
		case !slices.Contains(entries, all[i]):
			entries = append(entries, all[i])
		}
	}
	return entries, general
}

// untrusted returns the finding for a store.TrustError.
func untrusted(err error, severity check.Severity) check.Finding {
	f := check.New("definition-permissions", err.Error(), fault.Hint(err, fault.Of(err)))
	f.Severity = severity
	return f
}

// danglingLinks returns the findings about autostart links without a definition.
func (d *Driver) danglingLinks() (found []check.Finding) {
	for _, name := range d.Store.DanglingAutostart() {
		pool := strings.TrimSuffix(name, filepath.Ext(name))
		f := check.New("autostart-dangling", fmt.Sprintf("autostart/%s leads to no definition", name),
			shell.Join("poolctl", "pool-autostart", "--disable", pool))
		f.Pool = pool
		found = append(found, f)
	}
	return found
}

// untrustedSecrets returns the findings about secrets that other users can read or change.
func (d *Driver) untrustedSecrets() (found []check.Finding) {
	secrets, err := d.Store.Secrets()
	errs := []error{err}
	for _, s := range secrets {
		errs = append(errs, s.Err)
		if s.Err == nil && s.HasValue {
			errs = append(errs, d.Store.CheckReadable(s))
		}
	}
	for _, err := range errs {
		if errors.As(err, new(*store.TrustError)) {
			found = append(found, untrusted(err, check.Warning))
		}
	}
	return found
}

// checkDefinitions adds the findings about a pool's definition. It returns false if nothing else can be
// checked.
func (d *Driver) checkDefinitions(c *CheckedPool) bool {
	entry, severity := c.Entry, check.Warning
	if entry.File != "" && entry.Persistent == nil { // it cannot be started again
		severity = check.Critical
	}
	for _, err := range entry.Untrusted {
		c.add(untrusted(err, severity))
	}
	isTrust := func(text string) bool {
		return slices.ContainsFunc(entry.Untrusted, func(err error) bool { return err.Error() == text })
	}
	for _, w := range entry.Warnings {
		if !isTrust(w.Text) {
			f := check.New("definition", w.Error(), shell.Join("poolctl", "pool-edit", entry.Name))
			f.Severity = severity
			c.add(f)
		}
	}
	switch {
	case errors.As(entry.Err, new(*store.TrustError)):
		c.add(untrusted(entry.Err, check.Critical))
		return false
	case isPermission(entry.Err):
		c.add(check.New("unreadable", entry.Err.Error(), ""))
		return false
	case entry.Err != nil:
		c.add(check.New("definition", entry.Err.Error(), fault.Hint(entry.Err, fault.Of(entry.Err))))
		return false
	}
	c.Pool = entry.Current()
	if err := d.CheckDefinition(c.Pool); err != nil {
		c.add(check.New("definition", err.Error(), shell.Join("poolctl", "pool-edit", entry.Name)))
		return false
	}
	d.checkSettings(c)
	if entry.HasDrifted() {
		c.add(check.New("drift", "the definition has changed since the pool was started",
			shell.Join("poolctl", "pool-dumpxml", "--inactive", entry.Name)))
	}
	d.checkLogin(c)
	return true
}

// checkSettings adds findings about the definition's settings of check itself.
func (d *Driver) checkSettings(c *CheckedPool) {
	if c.Entry.Persistent == nil {
		return
	}
	for _, skip := range c.Entry.Persistent.Check.Skip {
		if !check.IsID(skip.Name) {
			f := check.New("definition", fmt.Sprintf("check.skip: there is no finding %q", skip.Name),
				"poolctl explain")
			f.Severity = check.Warning
			c.add(f)
		}
	}
}

// checkLogin adds the finding that a secret of the pool's login has no value.
func (d *Driver) checkLogin(c *CheckedPool) {
	auth := c.Pool.Source.Auth
	if auth == nil {
		return
	}
	usage := auth.Type
	if usage == "chap" {
		usage = "iscsi"
	}
	refs := []pooldef.SecretRef{auth.Secret}
	if auth.Mutual != nil {
		refs = append(refs, auth.Mutual.Secret)
	}
	for _, ref := range refs {
		if err := d.Store.CheckValue(ref, usage); err != nil {
			c.add(check.New("secret", err.Error(), fault.Hint(err, fault.Of(err))))
		}
	}
}

// checkVolumeSecrets adds the findings about secrets of volumes that have no value.
func (d *Driver) checkVolumeSecrets(pools []*CheckedPool) {
	secrets, err := d.Store.Secrets()
	if err != nil {
		return // untrustedSecrets reports it
	}
	empty := map[string]string{}
	for _, s := range secrets {
		if s.Err == nil && !s.HasValue && s.Secret.UsageType == "volume" {
			empty[s.Secret.Usage] = s.UUID
		}
	}
	for _, c := range pools {
		for _, v := range c.Volumes {
			if id, ok := empty[v.Target.Path]; ok {
				f := check.New("secret", "the secret of the volume has no value",
					shell.Join("poolctl", "secret-set-value", id))
				f.Volume = v.Name
				c.add(f)
			}
		}
	}
}

// isPermission reports whether an error is for lack of permission.
func isPermission(err error) bool {
	return errors.Is(err, fs.ErrPermission) || fault.Of(err) == fault.Permission
}
