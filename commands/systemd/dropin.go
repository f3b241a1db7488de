package systemd

// A dropIn is a file with settings of one unit.
type dropIn struct {
	name string // of the unit
	text []byte
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
