package backend

// A Warning is the error of a Start that succeeded, but not completely as configured.
type Warning struct{ Text string }

func (w *Warning) Error() string { return w.Text }
