package systemd

import "strings"

// Shared has the units that several pools may use.
type shared struct {
	units []sharedUnit
	index map[string]int // of a unit, by name
}

// A sharedUnit is what pools mean for the unit of a mount or device, or for the target.
type sharedUnit struct {
	name    string
	isEarly bool     // unmounted while the network is there
	wants   []string // units of pools
}

// add adds what the unit of a pool means for other units.
func (s *shared) add(p *Pool, u *unit) {
	if u.name == "" {
		if p.Autostart {
			s.of(target).want(autostart)
		}
		return
	}
	if p.IsHidden {
		for _, mount := range p.mountUnit() {
			s.of(mount).isEarly = true
		}
	}
	if p.Autostart {
		s.of(target).want(u.name)
	}
	if p.Autostart || p.Enabled {
		for _, other := range u.triggers {
			s.of(other).want(u.name)
		}
	}
}

// of returns a unit. It is valid until the next call.
func (s *shared) of(name string) *sharedUnit {
	i, known := s.index[name]
	if !known {
		i = len(s.units)
		s.index[name] = i
		s.units = append(s.units, sharedUnit{name: name})
	}
	return &s.units[i]
}

// want makes the unit want another, if it does not yet: a pool adds its unit once or several times in a row.
func (u *sharedUnit) want(other string) {
	if n := len(u.wants); n == 0 || u.wants[n-1] != other {
		u.wants = append(u.wants, other)
	}
}

// dropIn returns the unit's drop-in. If a mount unit wants only the unit of the pool that is named like the
// mount's directory, the text is the same for all these pools: %j is the last part of the unit's name
// (systemd.unit(5)).
func (u *sharedUnit) dropIn() dropIn {
	d := newDropIn(u.name)
	if u.isEarly {
		d.unmountEarly()
	}
	prefix, isMount := strings.CutSuffix(u.name, ".mount")
	own := poolUnit(prefix[strings.LastIndexByte(prefix, '-')+1:])
	if isMount && len(u.wants) == 1 && u.wants[0] == own {
		d.set("Wants", poolUnit("%j"))
		return d
	}
	for _, other := range u.wants {
		d.set("Wants", other)
	}
	return d
}

// unmountEarly adds the settings of a mount that systemd gives a network file system (systemd.mount(5)), so
// that it is unmounted while the network is there.
func (d *dropIn) unmountEarly() {
	d.set("DefaultDependencies", "no")
	d.set("Conflicts", "umount.target")
	d.set("Before", "umount.target", "remote-fs.target")
	d.set("After", "remote-fs-pre.target", "network.target", "network-online.target")
}
