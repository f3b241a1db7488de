package check

import (
	"fmt"
	"math"
	"slices"

	"poolctl/backend/fault"
	"poolctl/pooldef"
)

// Settings are what a user wants to be told.
type Settings struct {
	Warning, Critical *pooldef.Range    // of the used percentage; nil: as the definition says, or the default
	Only              []string          // the IDs to report; nil: all that are not optional
	Also              []string          // optional IDs to report
	Skip              map[string]string // the IDs to leave out, and why
}

// A LimitError reports that the limit for a warning is above the one for a critical state.
type LimitError struct{ Warning, Critical pooldef.Range }

func (e *LimitError) Error() string {
	return fmt.Sprintf("the limit for a warning, %v, is above the one for a critical state, %v",
		e.Warning, e.Critical)
}

// Kind implements [fault.Error].
func (*LimitError) Kind() fault.Kind { return fault.Usage }

// CheckLimits returns a [LimitError] if the limits, completed by the defaults, can never lead to a warning.
func (s *Settings) CheckLimits() error {
	warning, critical := s.limits(kindOf("capacity"), pooldef.CheckSettings{})
	if !warning.Inside && !critical.Inside && warning.End > critical.End {
		return &LimitError{warning, critical}
	}
	return nil
}

// Wants reports whether findings with an ID are to be reported.
func (s *Settings) Wants(id string) bool {
	if slices.Contains(s.Only, id) || slices.Contains(s.Also, id) {
		return true
	}
	return s.Only == nil && !IsOptional(id)
}

// Apply compares the figures of one pool with their limits, and separates the findings that are to be left
// out, with the reason. own are the settings in the pool's definition. Findings that are all right are
// reported, too.
func (s *Settings) Apply(found []Finding, own pooldef.CheckSettings) (reported, skipped []Finding) {
	for _, f := range found {
		k := kindOf(f.ID)
		if f.Value != nil {
			warning, critical := s.limits(k, own)
			f.Warning, f.Critical = &warning, &critical
			switch {
			case critical.Reports(*f.Value):
				f.Severity = Critical
			case warning.Reports(*f.Value):
				f.Severity = Warning
			}
		}
		reason, skip := s.Skip[f.ID]
		for _, o := range own.Skip {
			if o.Name == f.ID && !skip {
				reason, skip = o.Value, true
			}
		}
		switch {
		case !s.Wants(f.ID):
		case skip && f.Severity != OK:
			f.Reason = reason
			skipped = append(skipped, f)
		default:
			reported = append(reported, f)
		}
	}
	return reported, skipped
}

// limits returns the limits of a figure: those of s, of the definition, or the default.
func (s *Settings) limits(k *kind, own pooldef.CheckSettings) (warning, critical pooldef.Range) {
	warning, critical = pooldef.Range{End: k.warning}, pooldef.Range{End: k.critical}
	if k.critical == 0 {
		critical.End = math.Inf(1)
	}
	if !k.usesSettings {
		return warning, critical
	}
	for _, from := range []pooldef.CheckSettings{own, {Warning: s.Warning, Critical: s.Critical}} {
		if from.Warning != nil {
			warning = *from.Warning
		}
		if from.Critical != nil {
			critical = *from.Critical
		}
	}
	return warning, critical
}
