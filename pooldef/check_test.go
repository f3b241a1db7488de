package pooldef

import "testing"

// The examples of the Monitoring Plugins Development Guidelines, and the forms around them.
func TestRange(t *testing.T) {
	for _, c := range []struct {
		text, want   string // "": an error
		quiet, alert []float64
	}{
		{"10", "10", []float64{0, 5, 10}, []float64{-1, 10.1}},
		{"10:", "10:", []float64{10, 1e12}, []float64{9.9, -1}},
		{"~:10", "~:10", []float64{-1e9, 10}, []float64{10.5}},
		{"10:20", "10:20", []float64{10, 15, 20}, []float64{9, 21}},
		{"@10:20", "@10:20", []float64{9.9, 20.1}, []float64{10, 15, 20}},
		{"@80", "@80", []float64{81, -1}, []float64{0, 80}},
		{"80%", "80", []float64{80}, []float64{81}},
		{"5%:80.5%", "5:80.5", []float64{80.5}, []float64{4}},
		{":80", "80", []float64{0, 80}, []float64{-1, 81}},
		{"~:", "~:", []float64{-1, 1e12}, nil},
		{"0:0", "0", []float64{0}, []float64{1}},
		{"-5:5", "-5:5", []float64{-5, 5}, []float64{-6}},
		{text: "90:80"}, {text: ""}, {text: ":"}, {text: "@"}, {text: "abc"}, {text: "1e3"}, {text: "80 "},
		{text: "~"}, {text: "10:~"}, {text: "NaN"}, {text: "inf"}, {text: "1:2:3"}, {text: "%"}, {text: "0x10"},
		{text: "--5"}, {text: "1.2.3"},
	} {
		r, err := ParseRange(c.text)
		if (err != nil) != (c.want == "") {
			t.Errorf("%q: error %v", c.text, err)
		}
		if err != nil {
			continue
		}
		if got := r.String(); got != c.want {
			t.Errorf("%q is printed as %q, not %q", c.text, got, c.want)
		}
		for _, v := range c.quiet {
			if r.Reports(v) {
				t.Errorf("%q reports %v", c.text, v)
			}
		}
		for _, v := range c.alert {
			if !r.Reports(v) {
				t.Errorf("%q does not report %v", c.text, v)
			}
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"10", "@10:20", "~:80", "5%:80.5%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		if err != nil {
			return
		}
		again, err := ParseRange(r.String())
		if err != nil || again != r {
			t.Errorf("%q is %v, printed as %q, which is %v (%v)", text, r, r, again, err)
		}
	})
}
