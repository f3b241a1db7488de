package backend

import "poolctl/backend/fault"

// A Warning is the error of a Start that succeeded, but not completely as configured, or of a Create that
// succeeded, but probably not as intended.
type Warning struct{ Text string }

func (w *Warning) Error() string { return w.Text }

// Kind implements [fault.Error].
func (*Warning) Kind() fault.Kind { return fault.Failed }
