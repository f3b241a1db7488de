package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// usedBy checks the users of a device.
func usedBy(t *testing.T, device string, want ...string) {
	t.Helper()
	got, err := (&Local{}).DeviceUsers(device)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s is used by %q, want %q, error %v", device, got, want, err)
	}
}

func TestDeviceUsers(t *testing.T) {
	device := loop(t, 128)
	link := filepath.Join(t.TempDir(), "by-id")
	do(t, &Local{}, Symlink{device, link})
	usedBy(t, device)
	for _, format := range []string{"ext4", "btrfs"} {
		run(t, "mkfs."+format, map[string]string{"ext4": "-F", "btrfs": "-f"}[format], "-q", device)
		t.Run(format, func(t *testing.T) {
			dir := mount(t, device)
			usedBy(t, device, fmt.Sprintf("mounted at %q", dir))
			usedBy(t, link, fmt.Sprintf("mounted at %q", dir))
		})
		usedBy(t, link)
	}
	second := strings.TrimSpace(run(t, "losetup", "--find", "--show", device))
	usedBy(t, device, "held by "+filepath.Base(second))
	run(t, "losetup", "--detach", second)
	for _, none := range []string{"/dev/no such", link + "/x"} {
		if _, err := (&Local{}).DeviceUsers(none); err == nil || none == "/dev/no such" &&
			!errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", none, err)
		}
	}
	if _, err := (&Local{}).DeviceUsers("/dev/null"); err == nil ||
		err.Error() != `"/dev/null" is not a block device` {
		t.Error(err)
	}
}

// TestPartitionUsers uses a copy of /sys with a disk with two partitions, one of which is held and the other
// swap.
func TestPartitionUsers(t *testing.T) {
	swap := loop(t, 16)
	number, err := new(Local).DeviceNumber(swap)
	if err != nil {
		t.Fatal(err)
	}
	l := &Local{Root: t.TempDir()}
	disk := l.Root + "/sys/devices/x[1]/block/sda"
	for _, dir := range []string{disk + "/sda1/holders/dm-3/dm", disk + "/sda2/holders", disk + "/holders",
		disk + "/queue",
		l.Root + "/sys/dev/block", l.Root + "/proc/self"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range map[string]string{
		disk + "/dev": "8:0", disk + "/sda1/dev": "8:1", disk + "/sda1/partition": "1", disk + "/sda2/dev": number,
		disk + "/sda2/partition": "2", disk + "/sda1/holders/dm-3/dm/name": "vg0-root",
		l.Root + "/proc/self/mountinfo": "36 35 8:1 / /mnt\\040x rw - ext4 /dev/root rw",
		l.Root + "/proc/swaps": "Filename Type Size Used Priority\n/tmp/file file 1 0 -2\n" + swap +
			" partition 4 0 -2",
	} {
		do(t, l, WriteFile{file, []byte(text + "\n")})
	}
	for number, dir := range map[string]string{"8:0": "sda", "8:1": "sda/sda1", number: "sda/sda2"} {
		do(t, l, Symlink{"../../devices/x[1]/block/" + dir, l.Root + "/sys/dev/block/" + number})
	}
	if got, err := l.DeviceUsers(swap); err != nil || !slices.Equal(got, []string{"swap"}) {
		t.Errorf("the swap is used by %q, error %v", got, err)
	}
	for number, want := range map[string]string{"8:0": "[sda sda1 sda2]", "8:1": "[sda1 sda]"} {
		family, err := l.family(number)
		if names := fmt.Sprint(deviceNames(family)); err != nil || names != want {
			t.Errorf("%s: got %s, want %s, error %v", number, names, want, err)
		}
	}
	sda1 := blockDevice{"sda1", "8:1", disk + "/sda1"}
	if got, err := l.holdersOf(sda1); err != nil || !slices.Equal(got, []string{"held by dm-3 (vg0-root)"}) {
		t.Errorf("got %q, error %v", got, err)
	}
	if got, err := l.mountsOf(sda1); err != nil || !slices.Equal(got, []string{`mounted at "/mnt x"`}) {
		t.Errorf("got %q, error %v", got, err)
	}
}

func deviceNames(devices []blockDevice) []string {
	var names []string
	for _, d := range devices {
		names = append(names, d.name)
	}
	return names
}

func TestSignatures(t *testing.T) {
	device := loop(t, 128)
	for _, c := range []struct {
		command []string
		want    string
	}{
		{[]string{"true"}, ""},
		{[]string{"mkfs.ext4", "-q", "-L", "a label"}, "ext4"},
		{[]string{"mkswap"}, "swap"},
		{[]string{"parted", "--script", "--", device, "mklabel", "gpt"}, "PMBR, gpt"},
		{[]string{"pvcreate", "--yes", "--quiet", "--config", "devices/use_devicesfile=0"}, "LVM2_member"},
	} {
		run(t, "wipefs", "--all", "--quiet", device)
		args := c.command[1:]
		if c.command[0] != "parted" {
			args = append(args, device)
		}
		if _, err := (&Local{}).Query(t.Context(), Cmd(c.command[0], args...)); err != nil {
			notRun(t, c.want+": "+err.Error())
		}
		found, err := Signatures(t.Context(), &Local{}, device)
		if got := Words(found); got != c.want || err != nil {
			t.Errorf("after %s: %+v, want %q, error %v", c.command[0], found, c.want, err)
		}
		if c.want == "ext4" && (len(found) != 1 || found[0].Label != "a label" || len(found[0].UUID) != 36) {
			t.Errorf("got %+v", found)
		}
	}
	if _, err := Signatures(t.Context(), &Local{}, "/dev/no such"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestMountAt(t *testing.T) {
	needsMounts(t)
	l, dir := &Local{}, t.TempDir()
	do(t, l, Mkdir{dir + "/a b", 0o755}, Symlink{dir + "/a b", dir + "/link"})
	at := func(path, source string) {
		t.Helper()
		m, err := l.MountAt(path)
		if err != nil || (m == nil) != (source == "") || m != nil && (m.Source != source || m.Type != "tmpfs") {
			t.Errorf("the mount at %s is %+v, want %q, error %v", path, m, source, err)
		}
	}
	run(t, "mount", "-t", "tmpfs", "first", dir+"/a b")
	t.Cleanup(func() { run(t, "umount", dir+"/a b") })
	at(dir+"/a b", "first")
	at(dir+"/link/", "first")
	at(dir, "")
	run(t, "mount", "-t", "tmpfs", "second", dir+"/a b")
	at(dir+"/a b", "second")
	run(t, "umount", dir+"/a b")
	run(t, "mount", "-t", "tmpfs", "above", dir)
	at(dir+"/a b", "")
	at(dir, "above")
	run(t, "umount", dir)
	at(dir+"/a b", "first")
}
