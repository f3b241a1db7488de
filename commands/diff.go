package commands

// Diff is the verb diff.
type Diff struct {
	desiredArgs
	Output string `short:"o" default:"table" enum:"table,json" placeholder:"STYLE" changes:"" help:"Print lines (table), or json."`
}

// Help implements kong.HelpProvider.
func (*Diff) Help() string {
	return "Compares the machine with definitions that also say which state and which volumes a pool should " +
		"have, and changes nothing. A line begins with + for what apply would add, ~ for what it would change, - " +
		"for what it would remove, ! for what it cannot do, and ? for what is not known before a pool is active. " +
		"The exit status is 10 if anything differs.\n\n" +
		"  poolctl diff pools/\n" +
		"  poolctl diff pools/ --prune --delete -o json\n" +
		"  poolctl export | ssh otherhost poolctl diff -"
}

// Run compares.
func (c *Diff) Run(e *env) error {
	s, err := c.session(e)
	if err != nil {
		return err
	}
	printer := e.printDesired(false)
	s.Report = printer.report
	if err := s.Diff(e.ctx); err != nil {
		return err
	}
	if printer.end("nothing differs"); printer.count == 0 {
		return nil
	}
	return errDiffers
}
