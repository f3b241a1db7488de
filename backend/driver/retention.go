package driver

import (
	"time"

	"poolctl/pooldef"
)

// A Retention says which snapshots of a volume to keep. A snapshot that one of the rules keeps is kept.
type Retention struct {
	Newest int           // so many of the newest; 0: no such rule
	Within time.Duration // those that are not older; 0: no such rule
}

// Expired returns those of a volume's snapshots, oldest first, that no rule keeps at the time now. It keeps
// snapshots of unknown age if a rule is about the age.
func (r Retention) Expired(all []*pooldef.Snapshot, now time.Time) (expired []*pooldef.Snapshot) {
	for _, s := range all[:max(len(all)-r.Newest, 0)] {
		isYoung := s.Created.IsZero() || !s.Created.Before(now.Add(-r.Within))
		if r.Within == 0 || !isYoung {
			expired = append(expired, s)
		}
	}
	return expired
}
