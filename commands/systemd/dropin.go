package systemd

import "strings"

// A dropIn is a file with settings of one unit.
type dropIn struct {
	name   string // of the unit
	text   []byte
	wanted string // the unit that want added last
}

const header = "# Written by poolctl-generator.\n[Unit]\n"

func newDropIn(name string) dropIn {
	return dropIn{name: name, text: append(make([]byte, 0, usual), header...)}
}

// usual is more than the size of most drop-ins.
const usual = 250

// set adds a setting with words that need no quotes.
func (d *dropIn) set(key string, words ...string) {
	for i, word := range words {
		if i == 0 {
			d.text = append(append(d.text, key...), '=')
		} else {
			d.text = append(d.text, ' ')
		}
		d.text = append(d.text, word...)
	}
	if len(words) > 0 {
		d.text = append(d.text, '\n')
	}
}

// want makes the unit want another, if it does not yet.
func (d *dropIn) want(other string) {
	if d.wanted != other {
		d.wanted = other
		d.set("Wants", other)
	}
}

// generalise replaces the only setting, a pool that is named like the directory of a mount unit, by one that
// is the same for all these pools: %j is the last part of the unit's name (systemd.unit(5)).
func (d *dropIn) generalise() {
	prefix, isMount := strings.CutSuffix(d.name, ".mount")
	own := poolUnit(prefix[strings.LastIndexByte(prefix, '-')+1:])
	if isMount && d.wanted == own && len(d.text) == len(header+"Wants=\n")+len(own) {
		d.text = append(d.text[:len(header)], "Wants="+poolUnit("%j")+"\n"...)
	}
}

// unmountEarly adds the settings of a mount that systemd gives a network file system (systemd.mount(5)), so
// that it is unmounted while the network is there.
func (d *dropIn) unmountEarly() {
	d.set("DefaultDependencies", "no")
	d.set("Conflicts", "umount.target")
	d.set("Before", "umount.target", "remote-fs.target")
	d.set("After", "remote-fs-pre.target", "network.target", "network-online.target")
}
