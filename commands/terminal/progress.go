package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"poolctl/backend/host"
	"poolctl/format"
)

// A meter shows on a terminal how far a long operation is.
type meter struct {
	w     io.Writer
	start time.Time

	mu    sync.Mutex
	shown time.Time
	width int // length of the line on the terminal
}

const (
	meterDelay = time.Second            // shorter operations show no line
	meterPause = 200 * time.Millisecond // between two lines
)

// Progress returns a function that shows the progress of an operation on standard error, and a function that
// ends that. The first is nil if standard error is not a terminal, or if Quiet,
// DryRun or Debug is set.
func (o *Output) Progress() (host.Progress, func()) {
	if o.Quiet || o.DryRun || o.Debug || !IsWatched() {
		return nil, func() {}
	}
	m := &meter{w: stream{o.ctx, os.Stderr}, start: time.Now()} // the lines contain no names to escape
	return m.update, m.clear
}

// update shows the bytes that are done, the total, the rate, and the remaining time at that rate.
func (m *meter) update(done, total uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	elapsed := now.Sub(m.start)
	if elapsed < meterDelay || now.Sub(m.shown) < meterPause {
		return
	}
	m.shown = now
	m.show(meterLine(done, total, elapsed))
}

// show replaces the line on the terminal.
func (m *meter) show(line string) {
	fmt.Fprintf(m.w, "\r%s%s\r%[1]s", line, strings.Repeat(" ", max(m.width-len(line), 0)))
	m.width = len(line)
}

// clear removes the line.
func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.width > 0 {
		fmt.Fprintf(m.w, "\r%s\r", strings.Repeat(" ", m.width))
		m.width = 0
	}
}

func meterLine(done, total uint64, elapsed time.Duration) string {
	rate := float64(done) / elapsed.Seconds()
	speed := format.HumanSize(uint64(rate)) + "/s"
	if total == 0 {
		return fmt.Sprintf("%s  %s", format.HumanSize(done), speed)
	}
	left := "?"
	if rate > 0 {
		left = clock(time.Duration(float64(total-min(done, total)) / rate * float64(time.Second)))
	}
	return fmt.Sprintf("%3d %%  %s of %s  %s  %s left",
		done*100/total, format.HumanSize(done), format.HumanSize(total), speed, left)
}

// clock formats a duration as minutes and seconds, with hours if it has any.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
