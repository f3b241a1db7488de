package commands

// VolName is the verb vol-name.
type VolName struct {
	Vol string `arg:"" help:"Key or path of the volume."`
}

// Help implements kong.HelpProvider.
func (*VolName) Help() string {
	return "  poolctl vol-name /var/lib/images/disk.raw"
}

// Run prints a volume's name.
func (c *VolName) Run(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, "")
	if err != nil {
		return err
	}
	defer v.Unlock()
	e.ResultLine(v.Name)
	return nil
}
