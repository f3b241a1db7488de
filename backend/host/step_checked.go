package host

import "context"

// Checked is a command whose success has to be verified: Check runs after the command has succeeded.
type Checked struct {
	Command
	Check func(ctx context.Context) error
}

func (c Checked) apply(ctx context.Context, l *Local) error {
	if err := c.Command.apply(ctx, l); err != nil {
		return err
	}
	return c.Check(ctx)
}
