// Package check contains the findings of "poolctl check": what may be wrong with a pool, how bad that is, and
// what to do about it.
//
// Package driver and the backends look at the machine and return each [Finding] with its ID. [Settings.Apply]
// compares figures with their limits, and leaves out what the user does not want. [Explain] has a text about
// each ID. The verbs check, metrics and explain print the results.
//
// The package knows neither pool types nor the command line, and does not look at the machine.
package check

import (
	"cmp"
	"slices"
	"strings"

	"poolctl/backend/fault"
	"poolctl/pooldef"
)

// A Severity says how bad a finding is. A larger one is worse.
type Severity int

// The severities.
const (
	OK      Severity = iota
	Unknown          // check could not find out
	Warning
	Critical
)

// String returns the severity's name in lower case.
func (s Severity) String() string { return [...]string{"ok", "unknown", "warning", "critical"}[s] }

// Status returns the exit status of monitoring plugins.
func (s Severity) Status() int { return [...]int{0, 3, 1, 2}[s] }

// A Finding is something that may be wrong with a pool, or a figure that may come to be.
type Finding struct {
	ID       string
	Severity Severity
	Pool     string // empty if the finding concerns no pool
	Volume   string // empty if the finding concerns no single volume
	Object   string // which part of the storage a figure is of, such as a thin pool; empty: the pool
	State    string // the state of the object, for metrics; empty: it has none
	Text     string
	Hint     string // a command that helps, or empty
	// Value is a figure in percent, or nil. Its limits determine the severity.
	Value             *float64
	Warning, Critical *pooldef.Range
	Reason            string // why the finding is left out
}

// New returns a finding with the usual severity of its ID. The text becomes one line.
func New(id, text, hint string) Finding {
	text = strings.ReplaceAll(text, "\n", "; ")
	return Finding{ID: id, Severity: kindOf(id).severity, Text: text, Hint: hint}
}

// Figure returns a finding about a figure in percent, which [Settings.Apply] compares with the limits of its
// ID.
func Figure(id, object string, percent float64, text, hint string) Finding {
	return Finding{ID: id, Object: object, Value: &percent, Text: text, Hint: hint}
}

// A kind is what all findings with an ID have in common.
type kind struct {
	id                string
	severity          Severity
	warning, critical float64 // the limits of figures; 0: there are none
	usesSettings      bool    // the settings' limits apply
	isOptional        bool    // reported only if the settings name it
}

// kinds are all findings, in the order of their explanations.
var kinds = []kind{
	{id: "definition", severity: Critical},
	{id: "definition-permissions", severity: Warning},
	{id: "autostart-dangling", severity: Warning},
	{id: "autostart-missing", severity: Warning},
	{id: "inactive", severity: Critical},
	{id: "mount-point", severity: Critical},
	{id: "silent", severity: Critical},
	{id: "drift", severity: Warning},
	{id: "secret", severity: Critical},
	{id: "tools", severity: Warning},
	{id: "unreadable", severity: Unknown},
	{id: "capacity", warning: 80, critical: 90, usesSettings: true},
	{id: "inodes", warning: 80, critical: 90, usesSettings: true},
	{id: "read-only", severity: Critical},
	{id: "permissions", severity: Warning},
	{id: "leftovers", severity: Warning},
	{id: "overcommit", warning: 200, isOptional: true},
	{id: "orphans", severity: Warning, isOptional: true},
	{id: "backing-missing", severity: Critical},
	{id: "backing-outside", severity: Warning},
	{id: "backing-format", severity: Warning},
	{id: "chain-depth", severity: Warning},
	{id: "chain-loop", severity: Critical},
	{id: "image-dirty", severity: Warning},
	{id: "image-corrupt", severity: Critical},
	{id: "thin-data", severity: Critical, warning: 80, critical: 90},
	{id: "thin-metadata", severity: Critical, warning: 75, critical: 85},
	{id: "snapshot-full", severity: Critical, warning: 80, critical: 99.99},
	{id: "vg-missing", severity: Critical},
	{id: "raid", severity: Warning},
	{id: "zpool", severity: Critical},
	{id: "multipath", severity: Warning},
	{id: "iscsi-session", severity: Critical},
	{id: "ceph", severity: Warning},
	{id: "gluster", severity: Warning},
}

// kindOf returns the kind of an ID, which must exist.
func kindOf(id string) *kind { return &kinds[slices.IndexFunc(kinds, hasID(id))] }

func hasID(id string) func(kind) bool { return func(k kind) bool { return k.id == id } }

// IsID reports whether findings can have an ID.
func IsID(id string) bool { return slices.ContainsFunc(kinds, hasID(id)) }

// IDs returns all IDs.
func IDs() []string {
	ids := make([]string, len(kinds))
	for i, k := range kinds {
		ids[i] = k.id
	}
	return ids
}

// IsOptional reports whether findings with an ID are reported only on demand.
func IsOptional(id string) bool { return kindOf(id).isOptional }

// Worst returns the worst severity of findings.
func Worst(findings []Finding) Severity {
	worst := OK
	for _, f := range findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// Sort sorts findings: the worst first, and then by pool, ID and volume.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), pooldef.CompareNames(a.Pool, b.Pool),
			cmp.Compare(a.ID, b.ID), pooldef.CompareNames(a.Volume, b.Volume), cmp.Compare(a.Object, b.Object))
	})
}

// An Error is an error for which a pool cannot be used, with what the finding about it has beyond its text.
type Error struct {
	ID            string
	Object, State string // as in Finding
	Err           error
}

func (e *Error) Error() string { return e.Err.Error() }

// Kind implements [fault.Error].
func (e *Error) Kind() fault.Kind { return fault.Of(e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
