package iscsi

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// A record is an entry of open-iscsi's node database: how to log in to a target at a portal through an
// interface.
type record struct {
	target string
	portal portal
	group  int // the portal group; with it, each interface has a separate record
	iface  string
}

// args returns iscsiadm's options for the record.
func (r record) args() []string {
	return []string{
		"--mode", "node", "--targetname", r.target, "--portal", fmt.Sprintf("%s,%d", r.portal, r.group),
		"--interface", r.iface,
	}
}

// databases lists the directories with open-iscsi's records and interfaces: Debian's, and the usual one.
var databases = []string{"/etc/iscsi", "/var/lib/iscsi"}

// database returns the directory that this machine uses.
func (b *Backend) database() string {
	for _, dir := range databases {
		if _, err := b.Host.Stat(dir + "/nodes"); err == nil {
			return dir
		}
	}
	return databases[0]
}

func (b *Backend) hasRecords(t target, iface string) bool {
	found, _ := b.Host.Glob(filepath.Join(b.database(), "nodes", t.iqn, "*", iface))
	return len(found) > 0
}

func (b *Backend) hasInterface(name string) bool {
	_, err := b.Host.Stat(filepath.Join(b.database(), "ifaces", name))
	return err == nil
}

// makeRecord creates a record. Secrets are not passed on iscsiadm's command line, which every user can read.
// They are appended to the record's file, where later lines override earlier ones. No other program has a
// record with this interface.
func (b *Backend) makeRecord(ctx context.Context, r record, chap []string) error {
	if err := b.Host.Change(ctx, iscsiadm(append(r.args(), "--op", "new")...)); err != nil {
		return translateDaemonError(err)
	}
	patience := max(1, int(min(b.timeout/2, 15*time.Second)/time.Second))
	lines := append(
		[]string{
			"node.session.initial_login_retry_max = 1", "node.conn[0].timeo.login_timeout = " + strconv.Itoa(patience),
		}, chap...,
	)
	file := filepath.Join(
		b.database(), "nodes", r.target, fmt.Sprintf("%s,%d,%d", r.portal.host, r.portal.port, r.group), r.iface,
	)
	return b.Host.Change(
		ctx, host.Append{Path: file, Data: []byte(strings.Join(lines, "\n") + "\n"), Secret: len(chap) > 0},
	)
}

// offer matches a line of sendtargets output: ADDRESS:PORT,GROUP TARGET.
var offer = lazy.Regexp(`^\[?([^\s\]]+?)\]?:(\d+),(\d+) (\S+)$`)

// group queries the server for a portal's group. The default is 1, which libvirt always assumes.
func (b *Backend) group(ctx context.Context, iqn string, at portal, iface string) int {
	limited, cancel := context.WithTimeout(ctx, b.timeout/2)
	defer cancel()
	out, _ := b.Host.Query(limited, discovery(at, iface))
	group := 1
	for line := range strings.Lines(string(out)) {
		m := offer().FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[4] != iqn {
			continue
		}
		tag, err := strconv.ParseUint(m[3], 10, 16) // RFC 7143, 13.9
		if err != nil {
			continue
		}
		group = int(tag)
		if sameHost(m[1], at.host) && m[2] == strconv.Itoa(at.port) {
			break
		}
	}
	return group
}

func discovery(at portal, iface string) host.Command {
	args := []string{
		"--mode", "discovery", "--type", "sendtargets", "--portal", at.String(), "--op", "nonpersistent",
	}
	if iface != "" {
		args = append(args, "--interface", iface)
	}
	return iscsiadm(args...)
}
