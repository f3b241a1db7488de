package commands_test

import "strings"

// A difference is a line that only virsh's result has, a line that only poolctl's result has, or one in place
// of the other.
type difference struct{ virsh, poolctl string }

func (d difference) String() string {
	var lines []string
	if d.virsh != "" {
		lines = append(lines, "\t-"+d.virsh)
	}
	if d.poolctl != "" {
		lines = append(lines, "\t+"+d.poolctl)
	}
	return strings.Join(lines, "\n")
}

// differences compares two results: first the status, then the rest line by line. If as many lines are added
// as removed in one place, they are paired.
func differences(virsh, poolctl []string) []difference {
	var all []difference
	if virsh[0] != poolctl[0] {
		all = append(all, difference{virsh[0], poolctl[0]})
	}
	virsh, poolctl = virsh[1:], poolctl[1:]
	common := commonLines(virsh, poolctl)
	i, j := 0, 0
	for _, c := range append(common, [2]int{len(virsh), len(poolctl)}) {
		gone, added := virsh[i:c[0]], poolctl[j:c[1]]
		i, j = c[0]+1, c[1]+1
		if len(gone) == len(added) {
			for k := range gone {
				all = append(all, difference{gone[k], added[k]})
			}
			continue
		}
		for _, line := range gone {
			all = append(all, difference{virsh: line})
		}
		for _, line := range added {
			all = append(all, difference{poolctl: line})
		}
	}
	return all
}

// commonLines returns the indices of a longest common subsequence.
func commonLines(a, b []string) [][2]int {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}
