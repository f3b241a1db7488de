package commands

// VolKey is the verb vol-key.
type VolKey struct{ volumeArgs }

// Help implements kong.HelpProvider.
func (*VolKey) Help() string {
	return "  poolctl vol-key disk.raw images"
}

// Run prints a volume's key.
func (c *VolKey) Run(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	e.ResultLine(v.Key)
	return nil
}
