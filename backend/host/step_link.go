package host

import (
	"context"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// Link gives a file a second name, which must not exist. File systems without hard links return an error.
type Link struct{ Old, New string }

// Shell implements Step.
func (s Link) Shell() string { return "ln -T " + shell.Quote(s.Old) + " " + shell.Quote(s.New) }

func (s Link) apply(_ context.Context, l *Local) error {
	from, to, leave, err := l.entries(s.Old, s.New)
	if err != nil {
		return err
	}
	defer leave()
	err = retry.Do(func() error { return linkat(from.Dir, from.Name, to.Dir, to.Name, 0) })
	if err != nil {
		return safeopen.PathError("link to", s.New, err)
	}
	return to.SyncDir(s.New)
}
