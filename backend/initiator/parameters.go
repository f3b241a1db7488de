package initiator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// parameters accepts the target's proposals, and ends the login as soon as the target agrees.
func (n *negotiation) parameters(in answer) (request, step, error) {
	if _, err := in.security(); err != nil {
		return request{}, nil, err
	}
	for _, key := range []string{"HeaderDigest", "DataDigest"} {
		if digest := in.value(key); digest != "" && digest != "None" {
			return request{}, nil, fmt.Errorf("the target chose %s=%s, which was not offered", key, digest)
		}
	}
	if in.moved {
		return request{}, nil, nil
	}
	return request{operational, full, accept(in.keys)}, n.parameters, nil
}

// offers returns our side of the negotiated parameters.
func offers(l Login) [][2]string {
	pairs := [][2]string{
		{"HeaderDigest", "None"}, {"DataDigest", "None"}, {"MaxRecvDataSegmentLength", "262144"},
		{"DefaultTime2Wait", "0"},
		{"DefaultTime2Retain", "0"}, {"ErrorRecoveryLevel", "0"},
	}
	if l.Target != "" {
		pairs = append(
			pairs,
			[][2]string{
				{"MaxConnections", "1"}, {"InitialR2T", "Yes"}, {"ImmediateData", "Yes"}, {"MaxBurstLength", "262144"},
				{"FirstBurstLength", "65536"}, {"MaxOutstandingR2T", "1"}, {"DataPDUInOrder", "Yes"},
				{"DataSequenceInOrder", "Yes"},
			}...,
		)
	}
	return pairs
}

// declared lists keys that are declared, not negotiated.
var declared = []string{"TargetAlias", "TargetAddress", "TargetPortalGroupTag", "MaxRecvDataSegmentLength"}

// markers lists keys that would insert markers between messages (RFC 3720, appendix A).
var markers = []string{"IFMarker", "OFMarker"}

// accept returns answers to the target's proposals for parameters that were not offered. It takes the first
// value of a list, and refuses markers.
func accept(pairs [][2]string) [][2]string {
	var answers [][2]string
	ours := offers(Login{Target: "x"})
	for _, p := range pairs {
		isAnswer := slices.ContainsFunc(ours, func(o [2]string) bool { return o[0] == p[0] })
		if isAnswer || slices.Contains(declared, p[0]) {
			continue
		}
		first, _, _ := strings.Cut(p[1], ",")
		if slices.Contains(markers, p[0]) {
			first = "No"
		}
		answers = append(answers, [2]string{p[0], cmp.Or(first, "None")})
	}
	return answers
}
