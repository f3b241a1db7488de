package logical

import (
	"context"
	"fmt"
	"strings"

	"poolctl/backend/check"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// healthFields are what CheckSpace asks lvs for.
const healthFields = "lv_name,lv_uuid,lv_size,lv_attr,segtype,data_percent,metadata_percent," +
	"lv_health_status,lv_check_needed,vg_size,vg_free,vg_missing_pv_count"

// A health is the state of a volume, as lvs reports it.
type health struct {
	logicalVolume
	group    volumeGroup
	metadata float64 // of a thin pool: the used percentage of its metadata; -1 if inactive
	status   string  // lvs(8), "Volume Health"; empty: it is all right
	isBroken bool    // a thin pool whose metadata need a check
}

func readHealth(r *reader) health {
	s := readSegment(r)
	h := health{logicalVolume: logicalVolume{segment: &s}, metadata: r.percent("metadata_percent"),
		status: r.text("lv_health_status"), group: volumeGroup{size: r.size("vg_size"), free: r.size("vg_free"),
			missing: r.size("vg_missing_pv_count")}}
	needed := r.text("lv_check_needed")
	h.isBroken = needed == "check needed" || needed == "1"
	return h
}

// CheckSpace implements backend.SpaceChecker. A group without volumes needs a second query: lvs prints
// nothing about it.
func (b *Backend) CheckSpace(
	ctx context.Context, p *pooldef.Pool,
) (space pooldef.Space, found []check.Finding, err error) {
	vg, err := group(p)
	if err != nil {
		return space, nil, err
	}
	all, err := report(ctx, b.Host, "lvs", "lv", healthFields, readHealth, "--all", "--", vg)
	if err != nil {
		return space, nil, mapErrNoGroup(err, p)
	}
	var g *volumeGroup
	if len(all) > 0 {
		g = &all[0].group
		g.name = vg
	} else if g, err = b.group(ctx, p); err != nil {
		return space, nil, err
	}
	found = healthFindings(p, g, all)
	if p.ThinPool == "" {
		space, err = b.spaceOf(ctx, p, g)
		return space, found, err
	}
	volumes := make([]*logicalVolume, len(all))
	for i := range all {
		volumes[i] = &all[i].logicalVolume
	}
	space, err = thinSpaceOf(p, volumes)
	return space, found, err
}

// healthFindings returns the findings about a group and its volumes. If the definition names a thin pool, the
// group's other thin pools are not the pool's.
func healthFindings(p *pooldef.Pool, g *volumeGroup, all []health) (found []check.Finding) {
	if g.missing > 0 {
		text := fmt.Sprintf("the volume group %q lacks %d of its devices", g.name, g.missing)
		found = append(found, check.New("vg-missing", text, "pvs"))
	}
	seen := map[string]bool{}
	for _, h := range all {
		if strings.HasPrefix(h.Name, "[") || seen[h.Name] { // LVM's own; a further segment
			continue
		}
		seen[h.Name] = true
		isOwn := h.Name == p.ThinPool && !h.isFailed() // thinSpaceOf reports a failed one
		switch {
		case h.Type == "thin-pool" && (p.ThinPool == "" || isOwn):
			found = append(found, h.thinPool(g.name+"/"+h.Name)...)
		case h.isSnapshot():
			found = append(found, h.snapshot(g.name)...)
		case h.status != "" && (strings.HasPrefix(h.Type, "raid") || h.Type == "mirror"):
			f := check.New("raid", h.status, shell.Join("lvconvert", "--repair", g.name+"/"+h.Name))
			f.Volume = h.Name
			found = append(found, f)
		}
	}
	return found
}

// thinFailures are the states of thin pools that have failed (lvs(8), "Volume Health").
var thinFailures = map[string]string{
	"failed":             "it has failed",
	"out_of_data":        "no space is left for data",
	"metadata_read_only": "its metadata are read-only: it accepts no new data",
}

// thinPool returns the findings about a thin pool.
func (h *health) thinPool(name string) (found []check.Finding) {
	switch {
	case h.isBroken:
		found = append(found, check.New("thin-data", name+": its metadata need a check",
			shell.Join("lvconvert", "--repair", name)))
	case thinFailures[h.status] != "":
		found = append(found, check.New("thin-data", name+": "+thinFailures[h.status],
			shell.Join("lvs", "-a", "-o", "+lv_health_status", name)))
	}
	if h.Percent >= 0 {
		text := fmt.Sprintf("%s: %d%% of the data used", name, int(h.Percent))
		found = append(found, check.Figure("thin-data", name, h.Percent, text,
			shell.Join("lvextend", "-L+SIZE", name)))
	}
	if h.metadata >= 0 {
		text := fmt.Sprintf("%s: %d%% of the metadata used", name, int(h.metadata))
		found = append(found, check.Figure("thin-metadata", name, h.metadata, text,
			shell.Join("lvextend", "--poolmetadatasize", "+64M", name)))
	}
	return found
}

// snapshot returns the finding about a snapshot that is not thin.
func (h *health) snapshot(vg string) []check.Finding {
	var f check.Finding
	switch {
	case h.isOverflowed():
		f = check.New("snapshot-full", errOverflowed.Error(), "")
	case h.Percent < 0:
		return nil
	default:
		text := fmt.Sprintf("%d%% of the space for changes used", int(h.Percent))
		f = check.Figure("snapshot-full", vg+"/"+h.Name, h.Percent, text,
			shell.Join("lvextend", "-L+SIZE", vg+"/"+h.Name))
	}
	f.Volume = h.Name
	return []check.Finding{f}
}

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"lvs", "vgs", "vgchange"} }

// FindStale implements backend.StaleFinder.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) (left []string, err error) {
	all, err := b.allVolumes(ctx, p, allFields)
	for _, v := range all {
		if tempNames.IsStale(v.Name) {
			left = append(left, path(p, v.Name))
		}
	}
	return left, err
}
