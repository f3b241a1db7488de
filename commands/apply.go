package commands

// Apply is the verb apply.
type Apply struct {
	desiredArgs
	FailFast         bool `help:"Stop at the first failure."`
	DetailedExitcode bool `help:"End with the status 10 if anything was changed."`
	cacheArgs
	changing
}

// Help implements kong.HelpProvider.
func (*Apply) Help() string {
	return "Makes the machine as definitions say, as often as it is run: defines pools, builds missing " +
		"storage (never over data), starts and stops pools, creates and grows volumes. All definitions are " +
		"checked before anything changes. A pool that fails does not stop the others; the exit status is then 9. " +
		"Nothing is deleted, restarted or taken over without the option for it.\n\n" +
		"  poolctl apply pools/\n" +
		"  poolctl --dry-run apply pools/\n" +
		"  poolctl apply pools/ --prune --delete\n" +
		"  poolctl apply images.yaml --detailed-exitcode -o json"
}

// Run makes the changes.
func (c *Apply) Run(e *env) error {
	s, err := c.session(e)
	if err != nil {
		return err
	}
	s.CacheDir = func() (string, error) { return cacheDir(c.CacheDir) }
	s.FailFast = c.FailFast
	printer := e.printDesired(true)
	s.Report = printer.report
	if err := s.Apply(e.ctx); err != nil {
		return err
	}
	printer.end("nothing to do")
	switch {
	case printer.failed > 0:
		return errPartial
	case c.DetailedExitcode && e.changed:
		return errDiffers
	}
	return nil
}
