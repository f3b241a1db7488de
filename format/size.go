package format

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// unitBase maps each of libvirt's units, in lower case, to its base and power: K and KiB are 1024^1, KB is
// 1000^1.
var unitBase = func() map[string][2]uint64 {
	units := map[string][2]uint64{"": {1, 0}, "b": {1, 0}, "byte": {1, 0}, "bytes": {1, 0}}
	for i, letter := range "kmgtpe" {
		power := uint64(i) + 1
		units[string(letter)] = [2]uint64{1024, power}
		units[string(letter)+"ib"] = [2]uint64{1024, power}
		units[string(letter)+"b"] = [2]uint64{1000, power}
	}
	return units
}()

// ParseSize parses a size such as 1048576, 10G, 1.5GiB or "2 TB" and returns bytes. Units are libvirt's, in
// any case: K and KiB are powers of 1024, KB of 1000. A fraction is rounded up to a whole byte.
func ParseSize(s string) (uint64, error) {
	t := strings.TrimSpace(s)
	end := strings.IndexFunc(t, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(t)
	}
	if end == 0 {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return ParseScaled(t[:end], strings.TrimSpace(t[end:]))
}

// ParseScaled parses a number and its unit, which an XML document gives as an element's text and its
// attribute unit, and returns bytes.
func ParseScaled(number, unit string) (uint64, error) {
	scale, ok := unitBase[strings.ToLower(unit)]
	if !ok {
		return 0, fmt.Errorf("unknown unit %q (known: B, K, KiB, KB, M, G, T, P, E)", unit)
	}
	whole, fraction, _ := strings.Cut(number, ".")
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil {
		if strings.Trim(whole, "0123456789") == "" && whole != "" {
			return 0, fmt.Errorf("%q is too large", number+unit)
		}
		return 0, fmt.Errorf("%q is not a size", number+unit)
	}
	if number != whole && (fraction == "" || strings.Trim(fraction, "0123456789") != "") {
		return 0, fmt.Errorf("%q is not a size", number+unit)
	}
	factor := uint64(1)
	for range scale[1] {
		factor *= scale[0]
	}
	high, total := bits.Mul64(n, factor)
	part := scaleFraction(fraction, factor)
	total, carry := bits.Add64(total, part, 0)
	if high != 0 || carry != 0 {
		return 0, fmt.Errorf("%q is too large", number+unit)
	}
	return total, nil
}

// scaleFraction returns 0.digits times factor, rounded up. Digits beyond the ninth are ignored.
func scaleFraction(digits string, factor uint64) uint64 {
	digits = strings.TrimRight(digits[:min(len(digits), 9)], "0")
	if digits == "" {
		return 0
	}
	n, _ := strconv.ParseUint(digits, 10, 64)
	divisor := uint64(1)
	for range digits {
		divisor *= 10
	}
	high, low := bits.Mul64(n, factor)
	quotient, rest := bits.Div64(high, low, divisor)
	if rest != 0 {
		quotient++
	}
	return quotient
}

// HumanSize formats bytes as virsh does: divided by 1024 until the number is less than 1024, with two
// decimals.
func HumanSize(n uint64) string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, i := float64(n), 0
	for ; value >= 1024 && i < len(units)-1; i++ {
		value /= 1024
	}
	return strconv.FormatFloat(value, 'f', 2, 64) + " " + units[i]
}
