package rbd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"

	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A clusterHealth is the output of ceph health.
type clusterHealth struct {
	Status string
	Checks map[string]struct {
		Severity string
		Summary  struct{ Message string }
		Muted    bool
	}
}

// Check implements backend.Checker with one query, of the cluster's health. A user that may not ask is all
// right.
func (b *Backend) Check(
	ctx context.Context, p *pooldef.Pool, _ []*pooldef.Volume,
) ([]check.Finding, error) {
	var health clusterHealth
	err := b.query(ctx, p, &health, "ceph", "health", "--format=json")
	if hasErrno(err, syscall.EACCES) || errors.As(err, new(*host.ToolError)) {
		return []check.Finding{{ID: "ceph", Text: "the pool's user may not ask for the cluster's health"}}, nil
	}
	if err != nil {
		return nil, err
	}
	return health.findings(), nil
}

// findings returns a finding for each of the cluster's own checks. What is full, or nearly full, is critical:
// a full cluster blocks all writes.
func (h *clusterHealth) findings() (found []check.Finding) {
	for _, id := range slices.Sorted(maps.Keys(h.Checks)) {
		c := h.Checks[id]
		if c.Muted {
			continue
		}
		f := check.New("ceph", id+": "+c.Summary.Message, "ceph health detail")
		if c.Severity == "HEALTH_ERR" || strings.Contains(id, "FULL") {
			f.Severity = check.Critical
		}
		found = append(found, f)
	}
	if found == nil && h.Status != "HEALTH_OK" {
		found = append(found, check.New("ceph", "the cluster is in the state "+h.Status, "ceph health detail"))
	}
	return found
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"rbd", "rados"} }

// FindStale implements backend.StaleFinder. It finds incomplete images.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) (left []string, err error) {
	names, err := b.names(ctx, p)
	for _, name := range names {
		if tempNames.IsStale(name) {
			left = append(left, path(p, name))
		}
	}
	return left, err
}
