package host

// A Gate is a command on whose success the following steps depend: a shell that runs the steps of a dry run
// must end if it fails.
type Gate struct{ Command }

// Shell implements Step.
func (g Gate) Shell() string { return g.Command.Shell() + " || exit 1" }
