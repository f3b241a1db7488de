package rbd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/check"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A clusterState is what Ceph reports about its space and its health: the output of ceph df and ceph health.
type clusterState struct {
	Stats struct {
		Total     uint64 `json:"total_bytes"`
		Available uint64 `json:"total_avail_bytes"`
	}
	Pools []struct {
		Name  string
		Stats struct {
			Used uint64 `json:"bytes_used"`
		}
	}
	Status string
	Checks map[string]struct {
		Severity string
		Summary  struct{ Message string }
		Muted    bool
	}
}

// CheckSpace implements backend.SpaceChecker. If the pool's user may not ask for the cluster's health, or
// ceph is not installed, only the space is known, which needs a second query.
func (b *Backend) CheckSpace(
	ctx context.Context, p *pooldef.Pool,
) (space pooldef.Space, found []check.Finding, err error) {
	at, err := placeOf(p)
	if err != nil {
		return space, nil, err
	}
	state, err := b.clusterState(ctx, p)
	switch {
	case hasErrno(err, syscall.EACCES), errors.As(err, new(*host.ToolError)), err == nil && state.Status == "":
		space, err = b.Space(ctx, p)
		const text = "the cluster's health is not known: the pool's user may not ask, or ceph is not installed"
		return space, []check.Finding{{ID: "ceph", Text: text}}, err
	case err != nil:
		return space, nil, b.translateError(ctx, p, err)
	}
	for _, pool := range state.Pools {
		if pool.Name == at.pool {
			space.Capacity, space.Available = state.Stats.Total, state.Stats.Available
			space.Allocation = pool.Stats.Used
			return space, state.findings(), backend.CheckSizes("ceph", "df", space.Capacity, space.Available,
				space.Allocation)
		}
	}
	return space, nil, noPoolError(at)
}

// clusterState queries the space and the health of a pool's cluster with one command: ceph reads others from
// its standard input (ceph(8)), and skips those that are denied.
func (b *Backend) clusterState(ctx context.Context, p *pooldef.Pool) (*clusterState, error) {
	c, err := b.command(ctx, p, "ceph", "--format=json")
	if err != nil {
		return nil, err
	}
	c.Stdin = "df\nhealth"
	out, err := b.host.Query(ctx, c)
	s := &clusterState{}
	for answers := json.NewDecoder(bytes.NewReader(out)); err == nil && answers.More(); {
		if err = answers.Decode(s); err != nil {
			err = fmt.Errorf("output of ceph: %w", err)
		}
	}
	return s, err
}

// findings returns a finding for each of the cluster's own checks. What is full, or nearly full, is critical:
// a full cluster blocks all writes.
func (s *clusterState) findings() (found []check.Finding) {
	for _, id := range slices.Sorted(maps.Keys(s.Checks)) {
		c := s.Checks[id]
		if c.Muted {
			continue
		}
		f := check.New("ceph", id+": "+c.Summary.Message, "ceph health detail")
		if c.Severity == "HEALTH_ERR" || strings.Contains(id, "FULL") {
			f.Severity = check.Critical
		}
		found = append(found, f)
	}
	if found == nil && s.Status != "HEALTH_OK" {
		found = append(found, check.New("ceph", "the cluster is in the state "+s.Status, "ceph health detail"))
	}
	return found
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"rbd", "rados"} }

// FindStale implements backend.StaleFinder. It finds incomplete images.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) (left []string, err error) {
	all, err := b.rows(ctx, p) // Details has queried them
	for _, r := range all {
		if r.Snapshot == "" && tempNames.IsStale(r.Image) {
			left = append(left, path(p, r.Image))
		}
	}
	return left, err
}
