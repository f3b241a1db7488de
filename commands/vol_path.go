package commands

// VolPath is the verb vol-path.
type VolPath struct{ volumeArgs }

// Run prints a volume's path.
func (c *VolPath) Run(e *env) error {
	v, err := e.findVolume(c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.unlock()
	e.resultLine(v.Target.Path)
	return nil
}
