package commands

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend/desired"
	"poolctl/commands/terminal"
	"poolctl/format"
)

// desiredFields are the names of the fields of a change in machine-readable output. They are stable.
var desiredFields = []string{
	"kind", "pool", "volume", "action", "field", "from", "to", "needs", "done", "error",
}

// desiredValues returns the values of desiredFields.
func desiredValues(c *desired.Change) []any {
	values := []any{
		c.Kind(), c.Pool, orNull(c.Volume), c.Action, orNull(c.Field), orNull(c.From), orNull(c.To),
		orNull(c.Needs), c.Done, nil,
	}
	if c.Err != nil {
		values[len(values)-1] = strings.Join(errorLines(c.Err), "\n")
	}
	return values
}

// A desiredPrinter prints the changes of diff and apply, and counts them. A new pool is one change.
type desiredPrinter struct {
	*env
	applies bool
	count   int // of all changes but what is not known

	added, updated, removed, failed, left int
}

func (e *env) printDesired(applies bool) *desiredPrinter {
	p := &desiredPrinter{env: e, applies: applies}
	if e.changes != nil {
		e.changes.desired = p
	}
	return p
}

// end prints the summary, or the text for no changes.
func (p *desiredPrinter) end(nothing string) {
	if p.count == 0 {
		p.say(nothing)
		return
	}
	p.say(p.summary())
}

// summary returns a line with the numbers of changes.
func (p *desiredPrinter) summary() string {
	words := []any{p.added, "to add", p.updated, "to change", p.removed, "to remove", p.failed}
	if p.applies {
		words = []any{p.added, "added", p.updated, "changed", p.removed, "removed", p.failed}
	}
	text := fmt.Sprintf("%d %s, %d %s, %d %s, %d cannot be done", words...)
	if p.left > 0 {
		text += fmt.Sprintf(", %d left as they are", p.left)
	}
	return text
}

// report prints the changes of one pool or volume.
func (p *desiredPrinter) report(changes []*desired.Change) {
	p.settleChanges(changes)
	if p.changes != nil {
		p.changes.records = append(p.changes.records, changes...)
	}
	isNew := changes[0].Action == desired.Define && (changes[0].Done || !p.applies)
	var words []string
	for _, c := range changes {
		if c.Err != nil || c.Action != desired.Compare {
			p.count++
		}
		switch {
		case errors.Is(c.Err, desired.ErrPending):
			if p.changes == nil {
				fmt.Fprintln(p.People, "# "+format.Line(partError(c).Error()))
			}
		case c.Err != nil:
			p.failed++
			p.fail(c)
		case c.Action == desired.Compare:
			p.line(sign(c), c, text(c))
		case c.Needs != "":
			p.left++
			p.line(sign(c), c, text(c))
		case isNew:
			words = append(words, word(c))
		default:
			p.countDone(c)
			p.line(sign(c), c, text(c))
		}
	}
	if isNew {
		p.added++
		p.line("+", changes[0], strings.Join(words, ", "))
	}
}

// settleChanges ends the operation of which the changes are the result. What was done before a failure
// counts.
func (p *desiredPrinter) settleChanges(changes []*desired.Change) {
	var err error
	for _, c := range changes {
		p.changed = p.changed || c.Done || !p.applies && c.Action != desired.Compare
		if c.Err != nil && !errors.Is(c.Err, desired.ErrPending) {
			err = c.Err
		}
	}
	p.settle(err)
}

// countDone counts a change that was or would be made.
func (p *desiredPrinter) countDone(c *desired.Change) {
	switch sign(c) {
	case "+":
		p.added++
	case "-":
		p.removed++
	default:
		p.updated++
	}
}

// fail prints a change that cannot be made: diff as one of its results, apply as an error.
func (p *desiredPrinter) fail(c *desired.Change) {
	if p.applies {
		p.reportPart(partError(c))
		return
	}
	line := terminal.Sentence(c.Err)
	if c.Field != "" && c.From != "" {
		line = text(c) + ": " + line
	}
	if hint := p.hint(c.Err); hint != "" {
		line += " (" + hint + ")"
	}
	p.line("!", c, line)
}

// line prints one line about a pool or a volume.
func (p *desiredPrinter) line(sign string, c *desired.Change, words string) {
	what := "pool " + c.Pool
	if c.Volume != "" {
		what = "volume " + c.Pool + "/" + c.Volume
	}
	line := format.Line(fmt.Sprintf("%s %-27s %s", sign, what, words))
	switch {
	case p.changes != nil:
	case p.applies:
		p.say(line)
	default:
		fmt.Fprintln(p.People, line)
	}
}

// say prints a line that is no result.
func (p *desiredPrinter) say(line string) {
	if !p.Quiet && !p.DryRun {
		fmt.Fprintln(p.People, line)
	}
}

// sign returns the first character of a change's line.
func sign(c *desired.Change) string {
	switch c.Action {
	case desired.Define, desired.Build, desired.Create:
		return "+"
	case desired.Delete, desired.Undefine:
		return "-"
	case desired.Compare:
		return "?"
	}
	return "~"
}

// word describes a change of a new pool.
func word(c *desired.Change) string {
	switch {
	case c.Action == desired.Start:
		return "started"
	case c.Action == desired.Autostart && c.To == "yes":
		return "autostarted"
	}
	return text(c)
}

// text describes a change that can be made.
func text(c *desired.Change) string {
	words := strings.TrimSpace(fmt.Sprintf("%s %s -> %s", c.Field, cmp.Or(c.From, "-"), cmp.Or(c.To, "-")))
	switch c.Action {
	case desired.Define, desired.Build:
		words = c.To
	case desired.Create:
		words = cmp.Or(c.To, "created")
	case desired.Delete:
		words = cmp.Or(c.From, "deleted")
	case desired.Undefine:
		words = map[string]string{
			"defined": "undefined", "active": "stopped, undefined", "transient": "stopped",
		}[c.From] + "; its data stay"
	case desired.Permissions:
		words += " (on disk)"
	case desired.Restart:
		words = "runs with an older definition: " + words
	case desired.Compare:
		words = c.Field + ": " + c.To
	}
	if c.Needs != "" {
		words += " (needs " + c.Needs + ")"
	}
	return words
}

// partError returns the error of a change with what it is about.
func partError(c *desired.Change) error {
	what := fmt.Sprintf("pool %q", c.Pool)
	if c.Volume != "" {
		what = fmt.Sprintf("volume %q of pool %q", c.Volume, c.Pool)
	}
	if c.Field != "" && c.From != "" {
		what += ": " + text(c)
	}
	return fmt.Errorf("%s: %w", what, c.Err)
}

// printRecords prints the changes in JSON, with members before and after them.
func (p *desiredPrinter) printRecords(members, last []format.Member) error {
	list := format.NewList(p.Results, "json", "changes", desiredFields, members...)
	for _, c := range p.changes.records {
		if err := list.Add(desiredValues(c)...); err != nil {
			return err
		}
	}
	return list.Close(append([]format.Member{
		{Name: "added", Value: p.added}, {Name: "updated", Value: p.updated},
		{Name: "removed", Value: p.removed}, {Name: "failed", Value: p.failed}, {Name: "left", Value: p.left},
	}, last...)...)
}
