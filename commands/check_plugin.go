package commands

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode/utf8"

	"poolctl/backend/check"
	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef"
)

// The verb check has the conventions of the Monitoring Plugins Development Guidelines: the exit statuses, the
// text before the first "|", and performance data after it.

// statusUnknown is the exit status of check if check itself fails, whatever the reason.
const statusUnknown = 3

// maxFirstLine is the length of the first line before "|", in characters: what a pager shows.
const maxFirstLine = 80

// A pluginStatus ends check with the exit status of a result that has been printed.
type pluginStatus int

func (s pluginStatus) Error() string { return fmt.Sprintf("status %d", int(s)) }

// print prints a result in lines.
func (c *Check) print(e *env, r *checkResult) {
	problems := r.problems()
	if !e.Quiet {
		fmt.Fprintln(e.People, pluginText(r.firstLine(problems))+perfText(r.perfdata()))
	}
	lines := problems
	if c.Verbose {
		lines = r.findings
	}
	for _, f := range lines {
		fmt.Fprintf(e.People, "[%s] %s\n", strings.ToUpper(f.Severity.String()), pluginText(r.findingLine(f)))
	}
	if e.Quiet {
		return
	}
	for _, f := range r.skipped {
		f.Hint = ""
		line := fmt.Sprintf("%s (left out: %s)", r.findingLine(f), f.Reason)
		fmt.Fprintf(e.People, "[SKIPPED] %s\n", pluginText(line))
	}
}

// firstLine returns the summary of a result.
func (r *checkResult) firstLine(problems []check.Finding) string {
	begin := "STORAGE " + strings.ToUpper(r.worst.String()) + " - "
	size := fmt.Sprintf("%s, %s", plural(len(r.pools), "pool"), plural(r.volumes, "volume"))
	switch {
	case len(problems) == 0 && len(r.pools) == 0:
		return begin + "no pools are defined"
	case len(problems) == 0:
		return begin + size
	}
	end := ""
	counts := map[check.Severity]int{}
	for _, f := range problems[1:] {
		counts[f.Severity]++
	}
	for _, s := range []check.Severity{check.Critical, check.Warning, check.Unknown} {
		switch n := counts[s]; {
		case n > 0 && s == check.Warning:
			end += "; " + plural(n, "warning")
		case n > 0:
			end += fmt.Sprintf("; %d %v", n, s)
		}
	}
	end += " (" + size + ")"
	first := problems[0]
	text := first.Text
	if subject := subject(first); subject != "" {
		text = subject + ": " + text
	}
	return begin + shortened(format.Line(text), maxFirstLine-len(begin)-len(end)) + end
}

// shortened returns a text with at most most characters.
func shortened(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:max(most-3, 0)])) + "..."
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// subject returns what a finding is about: POOL, POOL/VOLUME, or nothing.
func subject(f check.Finding) string {
	if f.Volume != "" {
		return f.Pool + "/" + f.Volume
	}
	return f.Pool
}

// findingLine returns a finding with its ID, its subject and its hint.
func (r *checkResult) findingLine(f check.Finding) string {
	line := f.ID
	if s := subject(f); s != "" {
		line += " " + s
	}
	line += ": " + f.Text
	if c := r.pool(f.Pool); f.ID == "capacity" && c != nil {
		line += ", " + format.HumanSize(c.Space.Available) + " free"
	}
	if f.Hint != "" && f.Severity != check.OK {
		line += " (" + f.Hint + ")"
	}
	return format.Line(line)
}

// pool returns the pool with a name, or nil.
func (r *checkResult) pool(name string) *driver.CheckedPool {
	for _, c := range r.pools {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// pluginText replaces the character that begins performance data.
func pluginText(text string) string { return strings.ReplaceAll(text, "|", "_") }

// A perfdatum is one figure of performance data. An empty limit is none.
type perfdatum struct {
	Label    string   `json:"label"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Warning  string   `json:"warning"`
	Critical string   `json:"critical"`
	Min      float64  `json:"min"`
	Max      *float64 `json:"max"`
}

// perfdata returns the figures of a result: the used bytes of each pool, and other figures in percent.
func (r *checkResult) perfdata() []perfdatum {
	list := []perfdatum{}
	for _, c := range r.pools {
		for _, f := range r.figures {
			if f.Pool != c.Name {
				continue
			}
			if f.ID == "capacity" {
				size := float64(c.Space.Capacity)
				used := size - min(float64(c.Space.Available), size)
				list = append(list, newPerfdatum(c.Name, used, "B", f, size))
				continue
			}
			label := c.Name + " " + f.ID
			if f.Object != "" {
				label = f.Object + " " + f.ID
			}
			p := newPerfdatum(label, math.Round(*f.Value*100)/100, "%", f, 100)
			if p.Value > 100 || f.Warning.End > 100 {
				p.Max = nil
			}
			list = append(list, p)
		}
	}
	return list
}

// newPerfdatum returns a figure with the limits of a finding, which are percentages of most.
func newPerfdatum(label string, value float64, unit string, f check.Finding, most float64) perfdatum {
	limit := func(r *pooldef.Range) string { return r.Scale(most / 100).String() }
	return perfdatum{label, value, unit, limit(f.Warning), limit(f.Critical), 0, &most}
}

// perfText returns performance data as a plugin prints it: 'label'=value[UOM];warn;crit;min;max.
func perfText(list []perfdatum) string {
	text := ""
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for _, p := range list {
		most := ""
		if p.Max != nil {
			most = number(*p.Max)
		}
		label := strings.NewReplacer("'", "''", "=", "_", "|", "_").Replace(format.Line(p.Label))
		text += fmt.Sprintf(" '%s'=%s%s;%s;%s;%s;%s", label, number(p.Value), p.Unit, p.Warning, p.Critical,
			number(p.Min), most)
	}
	if text == "" {
		return ""
	}
	return " |" + text
}

// reportAsPlugin prints the error of a check that failed, and returns the exit status.
func (e *env) reportAsPlugin(err error) int {
	if status, ok := errors.AsType[pluginStatus](err); ok {
		return int(status)
	}
	if crash, ok := errors.AsType[*driver.PanicError](err); ok {
		fmt.Fprintf(e.Stderr, "%s\n", crash.Stack)
	}
	if e.errorsInJSON {
		e.reportJSON(err)
		return statusUnknown
	}
	lines := errorLines(err)
	fmt.Fprintln(e.People, pluginText("STORAGE UNKNOWN - "+lines[0]))
	for _, line := range lines[1:] {
		fmt.Fprintln(e.People, pluginText(line))
	}
	if h := e.hint(err); h != "" {
		fmt.Fprintln(e.People, pluginText("hint: "+format.Line(h)))
	}
	_ = e.Finish(false)
	return statusUnknown
}

// isPluginLine reports whether the verb of a command line, which may be wrong, is check.
func isPluginLine(args []string) bool {
	for _, word := range args {
		for _, v := range verbs {
			if v.name == word {
				return word == "check"
			}
		}
	}
	return false
}

// recoverPlugin prints a panic of check. Without it, Go's runtime would end the process with status 2, which
// means critical.
func (e *env) recoverPlugin(status *int) {
	if !e.isPlugin {
		return
	}
	if value := recover(); value != nil {
		*status = e.reportAsPlugin(&driver.PanicError{Value: value, Stack: debug.Stack()})
	}
}
