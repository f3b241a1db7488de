package commands

// VolPath is the verb vol-path.
type VolPath struct{ volumeArgs }

// Help implements kong.HelpProvider.
func (*VolPath) Help() string {
	return "  poolctl vol-path disk.raw images"
}

// Run prints a volume's path.
func (c *VolPath) Run(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	e.ResultLine(v.Target.Path)
	return nil
}
