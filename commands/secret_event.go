package commands

// SecretEvent is the verb secret-event.
type SecretEvent struct {
	Secret    string `position:"" help:"Secret to watch."`
	Event     string `position:"" help:"Type of event."`
	Timeout   string `position:"" help:"Seconds to wait."`
	Loop      bool   `help:"Continue after the first event."`
	List      bool   `help:"List the types of events."`
	Timestamp bool   `help:"Print the time of each event."`
}

// Run lists virsh's types of events. Without --list it returns errNoEvents.
func (c *SecretEvent) Run(e *env) error {
	if c.List {
		e.Print("lifecycle\nvalue-changed\n")
		return nil
	}
	return errNoEvents
}
