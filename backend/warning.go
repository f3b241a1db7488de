package backend

import "poolctl/fault"

// A Warning is what a Start returns that has worked, but not as well as it should.
type Warning struct{ Text string }

func (w *Warning) Error() string { return w.Text }

// Kind implements [fault.Error].
func (*Warning) Kind() fault.Kind { return fault.Failed }
