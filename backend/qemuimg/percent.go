package qemuimg

import (
	"bytes"
	"strconv"
)

// percents calls report for each (12.50/100%) that qemu-img -p prints.
func percents(report func(float64)) func([]byte) {
	return func(printed []byte) {
		_, rest, _ := bytes.Cut(printed, []byte("(")) // the text before may be the end of a number
		for part := range bytes.SplitSeq(rest, []byte("(")) {
			number, _, found := bytes.Cut(part, []byte("/100%)"))
			if !found {
				continue
			}
			if percent, err := strconv.ParseFloat(string(number), 64); err == nil {
				report(percent)
			}
		}
	}
}
