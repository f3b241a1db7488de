package commands

import (
	"bytes"
	"cmp"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"poolctl/backend/check"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/format"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// Metrics is the verb metrics.
type Metrics struct {
	Pool     []string `arg:"" optional:"" help:"Pools by name or uuid (all)."`
	Textfile string   `placeholder:"FILE" help:"Write to a file, which is replaced as a whole, for node_exporter's textfile collector."`
	Volumes  int      `placeholder:"COUNT" help:"Also the sizes of each volume, if there are at most so many."`
	Format   string   `default:"prometheus" enum:"prometheus,openmetrics" placeholder:"FORMAT" help:"Print the format of prometheus or of openmetrics."`
}

// Help implements kong.HelpProvider.
func (*Metrics) Help() string {
	return "Prints figures of pools, and the number of problems that \"poolctl check\" finds, for Prometheus. " +
		"A pool that does not answer has poolctl_pool_scrape_success 0 and no sizes; the exit status is then " +
		"9.\n\n" +
		"  poolctl metrics\n" +
		"  poolctl metrics --textfile /var/lib/prometheus/node-exporter/poolctl.prom\n" +
		"  poolctl metrics images --volumes 1000 --format openmetrics"
}

// Run prints or writes the metrics.
func (c *Metrics) Run(e *env) error {
	if c.Volumes < 0 {
		return &usageError{text: "--volumes: the number of volumes is not negative"}
	}
	for _, name := range c.Pool {
		if _, err := e.driver.FindPool(name); errors.Is(err, store.ErrNoPool) {
			return err
		}
	}
	r, err := e.check(c.Pool, &check.Settings{})
	if err != nil {
		return err
	}
	m := &format.Metrics{}
	err = addMetrics(m, r)
	if r.volumes <= c.Volumes {
		addVolumeMetrics(m, r)
	} else if c.Volumes > 0 {
		e.Warn("%d volumes are more than --volumes %d: their sizes are left out", r.volumes, c.Volumes)
		err = errPartial
	}
	return cmp.Or(c.write(e, m), err)
}

// write prints the metrics, or writes the file.
func (c *Metrics) write(e *env, m *format.Metrics) error {
	if c.Textfile == "" {
		return m.Write(e.Results, c.Format == "openmetrics")
	}
	var text bytes.Buffer
	if err := m.Write(&text, c.Format == "openmetrics"); err != nil {
		return err
	}
	path, err := filepath.Abs(c.Textfile)
	if err != nil {
		return err
	}
	return e.driver.Host.Change(e.ctx, host.Publish{Path: path, Data: text.Bytes()})
}

// addMetrics adds the metrics of all pools. If a pool has not answered, the error is errPartial.
func addMetrics(m *format.Metrics, r *checkResult) (err error) {
	m.Add("poolctl_last_run_timestamp_seconds", "seconds", "When the metrics were made, in Unix time.",
		float64(time.Now().Unix()))
	m.Add("poolctl_build_info", "", "The version of poolctl.", 1, "version", thisBuild().Version)
	for _, c := range r.pools {
		addPoolMetrics(m, c)
		if c.Pool == nil || !c.Answered {
			err = errPartial
		}
	}
	counts := map[check.Finding]int{}
	for _, f := range r.problems() {
		counts[check.Finding{ID: f.ID, Severity: f.Severity, Pool: f.Pool}]++
	}
	for f, n := range counts {
		m.Add("poolctl_problems", "", "The number of problems that poolctl check finds, by finding.", float64(n),
			"pool", f.Pool, "id", f.ID, "severity", f.Severity.String())
	}
	for _, f := range r.findings {
		if f.State != "" {
			m.Add("poolctl_"+f.ID+"_state", "", "The state of the storage.", 1, "pool", f.Pool, "object", f.Object,
				"state", f.State)
		}
	}
	for _, f := range r.figures {
		if f.ID == "capacity" || f.ID == "inodes" {
			continue
		}
		name := "poolctl_" + strings.ReplaceAll(f.ID, "-", "_") + "_ratio"
		help := check.Summary(f.ID) + " The used part."
		m.Add(name, "ratio", help, *f.Value/100, "pool", f.Pool, "object", f.Object)
	}
	return err
}

// addPoolMetrics adds the metrics of one pool.
func addPoolMetrics(m *format.Metrics, c *driver.CheckedPool) {
	add := func(name, unit, help string, value float64) {
		m.Add("poolctl_pool_"+name, unit, help, value, "pool", c.Name)
	}
	add("scrape_success", "", "Whether the pool has answered.", number(c.Answered && c.Pool != nil))
	add("scrape_duration_seconds", "seconds", "How long the pool took to answer.", c.Took.Seconds())
	if c.Pool == nil || !c.Answered {
		return
	}
	add("active", "", "Whether the pool is active.", number(c.Active))
	add("autostart", "", "Whether the pool is started at boot.", number(c.Entry.Autostart))
	if c.Space == nil {
		return
	}
	m.Add("poolctl_pool_capacity_bytes", "bytes", "The size of the pool's storage.", float64(c.Space.Capacity),
		"pool", c.Name, "type", string(c.Pool.Type))
	add("allocation_bytes", "bytes", "The used space of the pool's storage.", float64(c.Space.Allocation))
	add("available_bytes", "bytes", "The free space of the pool's storage.", float64(c.Space.Available))
	if c.Space.Inodes > 0 {
		add("inodes", "", "The number of inodes of the pool's file system.", float64(c.Space.Inodes))
		add("inodes_free", "", "The number of free inodes.", float64(c.Space.InodesFree))
	}
	states := map[[2]string]int{}
	for _, v := range c.Volumes {
		for _, p := range v.Paths {
			states[[2]string{v.Name, p.State}]++
		}
	}
	add("volumes", "", "The number of volumes.", float64(len(c.Volumes)))
	add("virtual_bytes", "bytes", "The sum of the volumes' capacities.", c.Virtual())
	for of, n := range states {
		m.Add("poolctl_multipath_paths", "", "The number of paths of a multipath map, by state.", float64(n),
			"pool", c.Name, "map", of[0], "state", of[1])
	}
}

// addVolumeMetrics adds the sizes of all volumes.
func addVolumeMetrics(m *format.Metrics, r *checkResult) {
	for _, c := range r.pools {
		for _, v := range c.Volumes {
			add := func(name, help string, size pooldef.Size) {
				if size.Known {
					m.Add("poolctl_volume_"+name, "bytes", help, float64(size.Bytes), "pool", c.Name, "volume", v.Name)
				}
			}
			add("capacity_bytes", "The size that a guest sees.", v.Capacity)
			add("allocation_bytes", "The space that the volume occupies.", v.Allocation)
		}
	}
}

// number returns the value of a boolean metric.
func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
