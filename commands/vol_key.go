package commands

// VolKey is the verb vol-key.
type VolKey struct{ volumeArgs }

// Run prints a volume's key.
func (c *VolKey) Run(e *env) error {
	v, err := e.findVolume(c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.unlock()
	e.resultLine(v.Key)
	return nil
}
