package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"poolctl/backend/check"
	"poolctl/backend/driver"
	"poolctl/pooldef"
)

// Check is the verb check.
type Check struct {
	Pool     []string `arg:"" optional:"" help:"Pools by name or uuid (all)."`
	Warning  string   `short:"w" placeholder:"RANGE" help:"Used percentages without a warning: 80, 10:80, ~:80, @80:90 (80)."`
	Critical string   `short:"c" placeholder:"RANGE" help:"Used percentages that are not critical (90)."`
	Only     []string `placeholder:"IDS" help:"Report only these findings, separated by commas."`
	Also     []string `placeholder:"IDS" help:"Also look for optional findings: orphans, overcommit."`
	Skip     []string `placeholder:"ID[=REASON]" sep:"none" help:"Leave out a finding. Can be given several times."`
	Timeout  seconds  `short:"t" default:"9s" placeholder:"TIME" help:"How long to wait for all answers together (9s)."`
	Verbose  bool     `short:"v" help:"Also print what is all right."`
	Output   string   `short:"o" default:"table" enum:"table,json" placeholder:"STYLE" help:"Print the lines of a monitoring plugin (table), or json."`
}

// Help implements kong.HelpProvider.
func (*Check) Help() string {
	return "Looks for problems of pools, all at the same time, and changes nothing. Prints one line that " +
		"Nagios, Icinga and others read, and a line for each problem. The exit status is 0 if all is well, " +
		"1 for a warning, 2 for a critical state, and 3 if check itself failed. Behind check, -w, -c, -t and " +
		"-v have the meaning that monitoring plugins give them.\n\n" +
		"With --quiet, it prints nothing if all is well, and otherwise only the problems, as cron needs it. " +
		"\"poolctl explain\" lists the findings. Limits and exceptions can also be in a definition in YAML.\n\n" +
		"  poolctl check\n" +
		"  poolctl check images -w 85 -c 95 --skip autostart-missing='started by pacemaker'\n" +
		"  poolctl check --also orphans,overcommit\n" +
		"  sudo poolctl --readonly check -t 5\n" +
		"  poolctl check -o json | jq '.problems[] | .id, .text'"
}

// Run checks pools and prints the result. If there are problems, the error is a pluginStatus.
func (c *Check) Run(e *env) error {
	start := time.Now()
	settings, err := c.settings()
	if err != nil {
		return err
	}
	r, err := e.check(c.Pool, settings)
	if r != nil && err != nil && c.Output == "json" { // interrupted
		return errors.Join(err, printCheckJSON(e, r, time.Since(start)))
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printCheckJSON(e, r, time.Since(start))
	} else {
		c.print(e, r)
	}
	if status := r.worst.Status(); status != statusDone && err == nil {
		err = pluginStatus(status)
	}
	return err
}

// settings returns the settings that the options demand.
func (c *Check) settings() (*check.Settings, error) {
	s := &check.Settings{Only: c.Only, Also: c.Also, Skip: map[string]string{}}
	for _, limit := range []struct {
		text string
		to   **pooldef.Range
	}{{c.Warning, &s.Warning}, {c.Critical, &s.Critical}} {
		if limit.text == "" {
			continue
		}
		r, err := pooldef.ParseRange(limit.text)
		if err != nil {
			return nil, &usageError{text: err.Error()}
		}
		*limit.to = &r
	}
	ids := slices.Concat(c.Only, c.Also)
	for _, skip := range c.Skip {
		id, reason, _ := strings.Cut(skip, "=")
		if reason == "" {
			reason = "by --skip"
		}
		s.Skip[id] = reason
		ids = append(ids, id)
	}
	for _, id := range ids {
		if !check.IsID(id) {
			return nil, &usageError{text: fmt.Sprintf("there is no finding %q; the findings are %s", id,
				strings.Join(check.IDs(), ", "))}
		}
	}
	if err := s.CheckLimits(); err != nil {
		return nil, &usageError{text: err.Error()}
	}
	return s, nil
}

// A checkResult is what a check has found.
type checkResult struct {
	pools    []*driver.CheckedPool
	volumes  int
	findings []check.Finding // also figures that are all right; the worst first
	figures  []check.Finding // those with a value, in the order of the pools
	skipped  []check.Finding
	worst    check.Severity
}

// check checks the named pools, or all, and compares the figures with the settings. After a signal, the
// result has what was found before, and there is an error.
func (e *env) check(names []string, settings *check.Settings) (*checkResult, error) {
	if dir := e.driver.Store.ConfigDir; e.cli.ConfigDir != "" {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the config directory %q does not exist", dir)
		}
	}
	pools, general, err := e.driver.Check(e.ctx, names, settings.Wants("orphans"))
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	r := &checkResult{pools: pools}
	r.findings, r.skipped = settings.Apply(general, pooldef.CheckSettings{})
	for _, c := range pools {
		own := pooldef.CheckSettings{}
		if c.Entry.Persistent != nil {
			own = c.Entry.Persistent.Check
		}
		reported, skipped := settings.Apply(c.Findings, own)
		r.findings, r.skipped = append(r.findings, reported...), append(r.skipped, skipped...)
		r.volumes += len(c.Volumes)
	}
	isEvent := func(f check.Finding) bool { return f.Value == nil }
	r.figures = slices.DeleteFunc(slices.Clone(r.findings), isEvent)
	check.Sort(r.findings)
	check.Sort(r.skipped)
	if r.worst = check.Worst(r.findings); err != nil {
		r.worst = check.Unknown
	}
	return r, err
}

// problems returns the findings that are not all right.
func (r *checkResult) problems() []check.Finding {
	isOK := func(f check.Finding) bool { return f.Severity == check.OK }
	return slices.DeleteFunc(slices.Clone(r.findings), isOK)
}
