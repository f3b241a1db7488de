package commands

import "poolctl/backend/fault"

// PoolEvent is the verb pool-event.
type PoolEvent struct {
	Pool      string `position:"" help:"Pool to watch."`
	Event     string `position:"" help:"Type of event."`
	Timeout   string `position:"" help:"Seconds to wait."`
	Loop      bool   `help:"Continue after the first event."`
	List      bool   `help:"List the types of events."`
	Timestamp bool   `help:"Print the time of each event."`
}

// Help implements kong.HelpProvider.
func (*PoolEvent) Help() string {
	return "There are no events, because poolctl has no daemon that could send them; --list " +
		"prints virsh's types." +
		"\n\n  poolctl pool-event --list"
}

// errNoEvents is the error of pool-event and secret-event.
var errNoEvents = fault.New(fault.Unsupported,
	"there are no events: poolctl has no daemon that could send them")

// Run lists virsh's types of events. Without --list it returns errNoEvents.
func (c *PoolEvent) Run(e *env) error {
	if c.List {
		e.Print("lifecycle\nrefresh\n")
		return nil
	}
	return errNoEvents
}
