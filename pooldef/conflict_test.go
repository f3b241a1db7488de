package pooldef_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// fakeMachine has two links to one disk, and a Fibre Channel port on host 7 with parent host 5.
type fakeMachine struct{}

func (fakeMachine) Canonical(path string) string {
	switch path {
	case "/dev/disk/by-id/wwn-1", "/dev/disk/by-label/images":
		return "/dev/sda"
	case "/srv/images":
		return "/data/images"
	}
	return path
}

func (fakeMachine) FCHost(wwnn, wwpn string) (number, parent int, ok bool) {
	return 7, 5, wwnn == "2000000000000001" && wwpn == "2000000000000002"
}

// defined returns a pool with this source and, for types that have one, this target.
func defined(t *testing.T, name string, typ pooldef.Type, source, target string) *pooldef.Pool {
	t.Helper()
	p, _, err := codec.ReadPool("",
		fmt.Appendf(nil, "<pool type='%s'><name>%s</name><source>%s</source><target><path>%s</path></target></pool>", typ, name, source, target), false)
	if err != nil {
		t.Fatal(err)
	}
	p.UUID = pooldef.NewUUID()
	return p
}

// TestConflicts checks pairs of pools: the second is defined while the first exists.
func TestConflicts(t *testing.T) {
	const fc = "<adapter type='fc_host' wwnn='2000000000000001' wwpn='2000000000000002'/>"
	parent := func(id, slot string) string {
		return "<adapter type='scsi_host'><parentaddr unique_id='" + id + "'><address slot='" + slot +
			"'/></parentaddr></adapter>"
	}
	iscsi := func(host, device, initiator string) string {
		return "<host name='" + host + "'/><device path='" + device + "'/>" + initiator
	}
	for _, c := range []struct {
		name             string
		oldType, newType pooldef.Type
		old, add         string
		oldPath, newPath string
		conflict         bool
	}{
		{"the same directory", pooldef.Dir, pooldef.Dir, "", "", "/a", "/a/", true},
		{"another directory", pooldef.Dir, pooldef.Dir, "", "", "/a", "/b", false},
		{"the same directory by a link", pooldef.Dir, pooldef.Dir, "", "", "/data/images", "/srv/images", true},
		{"a directory and a mount on it", pooldef.Dir, pooldef.FS, "", "<device path='/dev/sda'/>", "/a", "/a",
			false},

		{"gluster: all the same", pooldef.Gluster, pooldef.Gluster,
			"<host name='h'/><dir path='/d'/><name>n</name>", "<host name='H'/><dir path='/d/'/><name>n</name>", "",
			"", true},
		{"gluster: another directory", pooldef.Gluster, pooldef.Gluster,
			"<host name='h'/><dir path='/d'/><name>n</name>", "<host name='h'/><name>n</name>", "", "", false},
		{"gluster: another volume", pooldef.Gluster, pooldef.Gluster, "<host name='h'/><name>n</name>",
			"<host name='h'/><name>m</name>", "", "", false},
		{"gluster: another host", pooldef.Gluster, pooldef.Gluster, "<host name='h'/><name>n</name>",
			"<host name='i'/><name>n</name>", "", "", false},

		{"netfs: the same export", pooldef.NetFS, pooldef.NetFS, "<host name='h'/><dir path='/d'/>",
			"<host name='h'/><dir path='/d'/>", "/a", "/b", true},
		{"netfs: another export", pooldef.NetFS, pooldef.NetFS, "<host name='h'/><dir path='/d'/>",
			"<host name='h'/><dir path='/e'/>", "/a", "/b", false},
		{"netfs: another port", pooldef.NetFS, pooldef.NetFS, "<host name='h' port='1'/><dir path='/d'/>",
			"<host name='h' port='2'/><dir path='/d'/>", "/a", "/b", false},
		{"netfs: a port added", pooldef.NetFS, pooldef.NetFS, "<host name='h'/><dir path='/d'/>",
			"<host name='h' port='2'/><dir path='/d'/>", "/a", "/b", false},
		{"netfs: a port left out", pooldef.NetFS, pooldef.NetFS, "<host name='h' port='1'/><dir path='/d'/>",
			"<host name='h'/><dir path='/d'/>", "/a", "/b", true},
		// libvirt treats these two as the same, because its code says "and" where it means "or"
		{"netfs: one host and two", pooldef.NetFS, pooldef.NetFS, "<host name='h'/><dir path='/d'/>",
			"<host name='h'/><host name='i'/><dir path='/d'/>", "/a", "/b", false},
		{"netfs: two hosts and one", pooldef.NetFS, pooldef.NetFS,
			"<host name='h'/><host name='i'/><dir path='/d'/>", "<host name='h'/><dir path='/d'/>", "/a", "/b", false},
		{"netfs: two hosts", pooldef.NetFS, pooldef.NetFS, "<host name='h'/><host name='i'/><dir path='/d'/>",
			"<host name='h'/><host name='i'/><dir path='/d'/>", "/a", "/b", false},

		{"sheepdog: the same host", pooldef.Sheepdog, pooldef.Sheepdog, "<host name='h'/><name>a</name>",
			"<host name='h'/><name>b</name>", "", "", true},
		{"sheepdog: another host", pooldef.Sheepdog, pooldef.Sheepdog, "<host name='h'/>", "<host name='i'/>", "",
			"", false},
		{"vstorage: the same cluster", pooldef.Vstorage, pooldef.Vstorage, "<name>c</name>", "<name>c</name>", "/a",
			"/b", true},
		{"vstorage: another cluster", pooldef.Vstorage, pooldef.Vstorage, "<name>c</name>", "<name>d</name>", "/a",
			"/a", false},
		{"mpath: there can be only one", pooldef.Mpath, pooldef.Mpath, "", "", "/a", "/b", true},

		{"iscsi: the same target", pooldef.ISCSI, pooldef.ISCSI, iscsi("h", "iqn.a", ""), iscsi("i", "iqn.a", ""),
			"/a", "/b", true},
		{"iscsi: another target", pooldef.ISCSI, pooldef.ISCSI, iscsi("h", "iqn.a", ""), iscsi("h", "iqn.b", ""),
			"/a", "/a", false},
		{"iscsi: another initiator", pooldef.ISCSI, pooldef.ISCSI, iscsi("h", "iqn.a", ""),
			iscsi("h", "iqn.a", "<initiator><iqn name='i'/></initiator>"), "/a", "/a", false},
		{"iscsi: a disk's path as a target name", pooldef.ISCSI, pooldef.Disk, iscsi("h", "/dev/sda", ""),
			"<device path='/dev/sda'/>", "/a", "/dev", false},
		{"iscsi-direct: never", pooldef.ISCSIDirect, pooldef.ISCSIDirect,
			iscsi("h", "iqn.a", "<initiator><iqn name='i'/></initiator>"),
			iscsi("h", "iqn.a", "<initiator><iqn name='i'/></initiator>"), "", "", false},
		{"rbd: never", pooldef.RBD, pooldef.RBD, "<host name='h'/><name>n</name>", "<host name='h'/><name>n</name>",
			"", "", false},

		{"devices: fs and fs", pooldef.FS, pooldef.FS, "<device path='/dev/sda'/>", "<device path='/dev/sda'/>",
			"/a", "/b", true},
		{"devices: disk and logical", pooldef.Disk, pooldef.Logical, "<device path='/dev/sda'/>",
			"<device path='/dev/sdb'/><device path='/dev/sda'/>", "/dev", "", true},
		{"devices: logical and zfs", pooldef.Logical, pooldef.ZFS, "<device path='/dev/sda'/>",
			"<device path='/dev/sda'/>", "", "", true},
		{"devices: zfs and fs, by a link", pooldef.ZFS, pooldef.FS, "<device path='/dev/disk/by-id/wwn-1'/>",
			"<device path='/dev/disk/by-label/images'/>", "", "/a", true},
		{"devices: others", pooldef.FS, pooldef.Disk, "<device path='/dev/sda'/>", "<device path='/dev/sdb'/>",
			"/a", "/dev", false},
		{"devices: none", pooldef.Logical, pooldef.Logical, "<name>vg</name>", "<name>vg</name>", "", "", false},

		{"scsi: the same host", pooldef.SCSI, pooldef.SCSI, "<adapter name='host1'/>",
			"<adapter name='scsi_host1'/>", "/a", "/a", true},
		{"scsi: another host", pooldef.SCSI, pooldef.SCSI, "<adapter name='host1'/>", "<adapter name='host11'/>",
			"/a", "/a", false},
		{"scsi: names without a number", pooldef.SCSI, pooldef.SCSI, "<adapter name='sas'/>",
			"<adapter name='sas'/>", "/a", "/a", false},
		{"scsi: the same parent", pooldef.SCSI, pooldef.SCSI, parent("1", "2"), parent("1", "0x2"), "/a", "/a",
			true},
		{"scsi: another id there", pooldef.SCSI, pooldef.SCSI, parent("1", "2"), parent("2", "2"), "/a", "/a",
			false},
		{"scsi: another parent", pooldef.SCSI, pooldef.SCSI, parent("1", "2"), parent("1", "3"), "/a", "/a", false},
		{"scsi: the same port", pooldef.SCSI, pooldef.SCSI, fc, strings.ReplaceAll(fc, "='2", "='0x2"), "/a", "/a",
			true},
		{"scsi: another port", pooldef.SCSI, pooldef.SCSI, fc, strings.ReplaceAll(fc, "02'", "03'"), "/a", "/a",
			false},
		{"scsi: the port's host", pooldef.SCSI, pooldef.SCSI, fc, "<adapter name='host7'/>", "/a", "/a", true},
		{"scsi: the port's parent", pooldef.SCSI, pooldef.SCSI, "<adapter name='scsi_host5'/>", fc, "/a", "/a",
			true},
		{"scsi: a host unrelated to the port", pooldef.SCSI, pooldef.SCSI, "<adapter name='host6'/>", fc, "/a",
			"/a", false},
		{"scsi: the name of the parent", pooldef.SCSI, pooldef.SCSI, "<adapter name='fc_host9'/>",
			strings.Replace(fc, "wwnn='2", "parent='scsi_host9' wwnn='3", 1), "/a", "/a", true},
		{"scsi: a missing port", pooldef.SCSI, pooldef.SCSI, "<adapter name='host7'/>",
			strings.Replace(fc, "wwnn='2", "wwnn='3", 1), "/a", "/a", false},
		{"scsi: a port and the address of a host", pooldef.SCSI, pooldef.SCSI, parent("1", "2"), fc, "/a", "/a",
			false},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, add := defined(t, "old", c.oldType, c.old, c.oldPath),
				defined(t, "new", c.newType, c.add, c.newPath)
			err := pooldef.CheckConflicts(add, []*pooldef.Pool{old}, fakeMachine{})
			if (err != nil) != c.conflict {
				t.Fatalf("%v", err)
			}
			if conflict := (*pooldef.ConflictError)(nil); c.conflict &&
				(!errors.As(err, &conflict) || err.Error() != `pool "old" has the same source already`) {
				t.Error(err)
			}
			if err := pooldef.CheckConflicts(old, []*pooldef.Pool{old}, fakeMachine{}); err != nil {
				t.Errorf("with itself: %v", err)
			}
		})
	}
}

// TestNameConflicts checks that a name belongs to one UUID, and a UUID to one name.
func TestNameConflicts(t *testing.T) {
	old := defined(t, "old", pooldef.Dir, "", "/a")
	again := defined(t, "old", pooldef.Dir, "", "/a")
	if err := pooldef.CheckConflicts(again, []*pooldef.Pool{old}, fakeMachine{}); err == nil ||
		!strings.Contains(err.Error(), `pool "old" already exists with uuid `+old.UUID) {
		t.Error(err)
	}
	other := defined(t, "other", pooldef.Dir, "", "/b")
	other.UUID = old.UUID
	if err := pooldef.CheckConflicts(other, []*pooldef.Pool{old}, fakeMachine{}); err == nil ||
		!strings.Contains(err.Error(), `pool "old" is already defined with uuid `+old.UUID) {
		t.Error(err)
	}
}
