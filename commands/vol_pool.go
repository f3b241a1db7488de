package commands

// VolPool is the verb vol-pool.
type VolPool struct {
	Vol  string `arg:"" help:"Key or path of the volume."`
	Uuid bool   `help:"Print the pool's uuid instead of its name."`
}

// Help implements kong.HelpProvider.
func (*VolPool) Help() string {
	return "  poolctl vol-pool /var/lib/images/disk.raw"
}

// Run prints the pool that a volume is in.
func (c *VolPool) Run(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, "")
	if err != nil {
		return err
	}
	defer v.Unlock()
	answer := v.Entry.Name
	if c.Uuid {
		answer = v.Pool().UUID
	}
	e.ResultLine(answer)
	return nil
}
