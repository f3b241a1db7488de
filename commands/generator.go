package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"poolctl/backend"
	"poolctl/backend/all"
	"poolctl/backend/host"
	"poolctl/commands/systemd"
	"poolctl/commands/terminal"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// generatorName is the name under which systemd runs poolctl as a generator of units.
const generatorName = "poolctl-generator"

// kernelLog is where a generator writes messages: it may run before there is another log.
const kernelLog = "/dev/kmsg"

// maxGeneratorMemory is the size from which a generator collects garbage, in bytes: that of 10,000
// definitions.
const maxGeneratorMemory = 128 << 20

// mainAsGenerator runs poolctl under the name poolctl-generator: at boot and at systemctl daemon-reload, with
// the directories for units (systemd.generator(7)). It prints nothing and succeeds always, because the
// machine has to boot.
func mainAsGenerator(h host.Host, args []string) int {
	debug.SetGCPercent(-1) // it ends soon
	debug.SetMemoryLimit(maxGeneratorMemory)
	log, err := os.OpenFile(kernelLog, os.O_WRONLY, 0)
	if err != nil {
		generate(h, args, io.Discard)
		return statusDone
	}
	defer log.Close()
	generate(h, args, log)
	return statusDone
}

// generate writes the units of all defined pools to the first of the directories. It reads only the config
// directory, which units systemctl has enabled, and which mounts have units.
func generate(h host.Host, directories []string, log io.Writer) {
	report := func(err error) { writeKernelLog(log, strings.Join(terminal.Lines(err), "; ")) }
	if len(directories) == 0 {
		report(errors.New("the directory for the units is missing: systemd gives it"))
		return
	}
	config, err := configDir(os.Getenv("POOLCTL_CONFIG_DIR"))
	if err != nil {
		report(err)
		return
	}
	entries, err := (&store.Store{ConfigDir: config}).Definitions()
	if err != nil {
		report(err)
	}
	backends := all.Backends(h, nil, 0)
	pools := make([]systemd.Pool, 0, len(entries))
	for _, e := range entries {
		p := systemd.Pool{Name: e.Name, File: e.File, Autostart: e.Autostart}
		if e.Err != nil {
			report(fmt.Errorf("pool %q cannot be used: %w", e.Name, e.Err))
		} else if b, ok := backends[e.Persistent.Type].(backend.Dependent); ok {
			p.Dependencies = b.Dependencies(e.Persistent)
		}
		if pooldef.CheckName(e.Name) == "" {
			pools = append(pools, p)
		}
	}
	systemd.MarkEnabled(pools, "/etc/systemd/system", "/run/systemd/system")
	systemd.KeepMounts(pools, "/etc/fstab", "/etc/systemd/system", "/run/systemd/system",
		"/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
	systemd.Generate(directories[0], pools, report)
}

// maxKernelLine is a length that a line of the kernel's log may have (LOG_LINE_MAX in the kernel's
// kernel/printk/internal.h, less the prefix).
const maxKernelLine = 900

// writeKernelLog writes a warning to the kernel's log (the kernel's Documentation/ABI/testing/dev-kmsg): 28
// is the priority warning of the facility daemon.
func writeKernelLog(log io.Writer, text string) {
	line := strings.ToValidUTF8(text[:min(len(text), maxKernelLine)], "")
	_, _ = io.WriteString(log, "<28>"+generatorName+": "+line+"\n") // the kernel may refuse too many
}

// systemConfigDir is the config directory of root, which the generator reads.
const systemConfigDir = "/etc/poolctl"

// hintReload tells a user who has marked a pool that systemd does not know of the change yet, if systemd runs
// the generator (systemd.generator(7) lists the directories).
func (e *env) hintReload() {
	if e.verb != "pool-autostart" || e.Quiet || e.DryRun || e.asVirsh ||
		e.driver.Store.ConfigDir != systemConfigDir {
		return
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return
	}
	for _, dir := range []string{"/run", "/etc", "/usr/local/lib", "/usr/lib"} {
		if _, err := os.Lstat(dir + "/systemd/system-generators/" + generatorName); err == nil {
			fmt.Fprintln(e.Stderr, "hint: systemctl daemon-reload")
			return
		}
	}
}
