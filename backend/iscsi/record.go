package iscsi

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"poolctl/backend/host"
)

// A record is one of open-iscsi's node database: how to log in to a target at a portal by an interface.
type record struct {
	target string
	portal portal
	group  int // the portal's group at the target: with it, each interface has a record of its own
	iface  string
}

// args name the record for iscsiadm.
func (r record) args() []string {
	return []string{"--mode", "node", "--targetname", r.target, "--portal", fmt.Sprintf("%s,%d", r.portal, r.group), "--interface", r.iface}
}

// databases is where open-iscsi keeps its records and interfaces: in Debian, and elsewhere.
var databases = []string{"/etc/iscsi", "/var/lib/iscsi"}

// database returns the one that is used on this machine.
func (b *Backend) database() string {
	for _, dir := range databases {
		if _, err := b.Host.Stat(dir + "/nodes"); err == nil {
			return dir
		}
	}
	return databases[0]
}

// glob finds files. (The golden has it answered.)
var glob = filepath.Glob

func (b *Backend) hasRecords(t target, iface string) bool {
	found, _ := glob(filepath.Join(b.database(), "nodes", t.iqn, "*", iface))
	return len(found) > 0
}

func (b *Backend) hasInterface(name string) bool {
	_, err := b.Host.Stat(filepath.Join(b.database(), "ifaces", name))
	return err == nil
}

// makeRecord makes a record. What iscsiadm would be told in its command line, where all can read it, is written into the record's file, of
// which later lines count; no one else has a record of this interface.
func (b *Backend) makeRecord(ctx context.Context, r record, chap []string) error {
	if err := b.Host.Change(ctx, iscsiadm(append(r.args(), "--op", "new")...)); err != nil {
		return explained(err)
	}
	patience := max(1, int(min(b.timeout/2, 15*time.Second)/time.Second))
	lines := append([]string{"node.session.initial_login_retry_max = 1", "node.conn[0].timeo.login_timeout = " + strconv.Itoa(patience)}, chap...)
	file := filepath.Join(b.database(), "nodes", r.target, fmt.Sprintf("%s,%d,%d", r.portal.host, r.portal.port, r.group), r.iface)
	return b.Host.Change(ctx, host.Append{Path: file, Data: []byte(strings.Join(lines, "\n") + "\n"), Secret: len(chap) > 0})
}

// offer is a line of what sendtargets finds: ADDRESS:PORT,GROUP TARGET.
var offer = regexp.MustCompile(`^\[?([^\s\]]+?)\]?:(\d+),(\d+) (\S+)$`)

// group asks the server for a portal's group. Where it does not tell, that is 1, which libvirt takes for all.
func (b *Backend) group(ctx context.Context, iqn string, at portal, iface string) int {
	limited, cancel := context.WithTimeout(ctx, b.timeout/2)
	defer cancel()
	out, _ := b.Host.Query(limited, discovery(at, iface))
	group := 1
	for line := range strings.Lines(string(out)) {
		m := offer.FindStringSubmatch(strings.TrimSpace(line))
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
	args := []string{"--mode", "discovery", "--type", "sendtargets", "--portal", at.String(), "--op", "nonpersistent"}
	if iface != "" {
		args = append(args, "--interface", iface)
	}
	return iscsiadm(args...)
}
