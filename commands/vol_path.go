package commands

// VolPath is the verb vol-path.
type VolPath struct{ volumeArgs }

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
