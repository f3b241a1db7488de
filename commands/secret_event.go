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

// Help implements kong.HelpProvider.
func (*SecretEvent) Help() string {
	return "There are no events, because poolctl has no daemon that could send them; --list " +
		"prints virsh's types." +
		"\n\n  poolctl secret-event --list"
}

// Run lists virsh's types of events. Without --list it returns errNoEvents.
func (c *SecretEvent) Run(e *env) error {
	if c.List {
		e.Print("lifecycle\nvalue-changed\n")
		return nil
	}
	return errNoEvents
}
