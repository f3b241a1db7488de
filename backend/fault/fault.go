// Package fault classifies errors. An error type has a [Kind], which says what sort of failure it reports,
// and may have a hint, which says what to do about it. Both are methods of the type, next to its text:
//
//	func (e *NoValueError) Kind() fault.Kind { return fault.State }
//	func (e *NoValueError) HintLine() string { return "poolctl secret-set-value " + e.UUID }
//
// Package commands derives the exit status from the kind, and prints the hint. It knows no backend's
// error types. A test checks that every exported error type of the module has a kind.
//
// This package imports nothing of the module, so that every package can use it.
package fault

import "errors"

// A Kind is a sort of failure. If an error wraps or joins errors of several kinds, the largest counts.
type Kind int

// The kinds of errors.
const (
	Failed      Kind = iota + 1 // any other failure; a wrapped error may say more
	Unsupported                 // the pool type cannot do it, or a tool is missing
	Timeout                     // a lock or a server took too long, or a server cannot be reached
	Permission                  // the user or the state of the machine does not permit it
	Conflict                    // the object exists already, or contradicts another
	State                       // the object is active, inactive, in use, full, ...
	NotFound                    // the pool, volume or secret does not exist
	Usage                       // the command line or a definition is wrong
)

// An Error is an error that knows its kind.
type Error interface {
	error
	Kind() Kind
}

// A Hinter is an error with a hint, if possible a command to type. The hint may be empty.
type Hinter interface{ HintLine() string }

// Of returns the largest kind of an error and of all errors that it wraps or joins, or 0 if none has a kind.
func Of(err error) Kind {
	var kind Kind
	walk(err, func(err error) bool {
		if e, ok := err.(Error); ok { //nolint:errorlint // walk visits the wrapped errors
			kind = max(kind, e.Kind())
		}
		return true
	})
	return kind
}

// Hint returns the hint for an error of a kind: that of the first error in its tree that has the kind and a
// hint. If there is none, Hint returns the first hint that is not empty.
func Hint(err error, kind Kind) string {
	hint, found := "", false
	walk(err, func(err error) bool {
		h, ok := err.(Hinter)
		if !ok {
			return true
		}
		if e, ok := err.(Error); ok && e.Kind() == kind { //nolint:errorlint // the same
			hint, found = h.HintLine(), true
		} else if hint == "" {
			hint = h.HintLine()
		}
		return !found
	})
	return hint
}

// walk visits an error and all errors that it wraps or joins, in the order of errors.As, until visit returns
// false.
func walk(err error, visit func(error) bool) bool {
	if err == nil {
		return true
	}
	if !visit(err) {
		return false
	}
	switch e := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() error }:
		return walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if !walk(part, visit) {
				return false
			}
		}
	}
	return true
}

// New returns an error for errors.Is, such as ErrNoPool, with a kind.
func New(kind Kind, text string) error { return &sentinel{errors.New(text), kind} }

// WithHint returns an error for errors.Is with a kind and a hint.
func WithHint(kind Kind, text, hint string) error {
	return &hinted{sentinel{errors.New(text), kind}, hint}
}

type sentinel struct {
	error
	kind Kind
}

// Kind implements Error.
func (s *sentinel) Kind() Kind { return s.kind }

type hinted struct {
	sentinel
	hint string
}

// HintLine implements Hinter.
func (h *hinted) HintLine() string { return h.hint }
