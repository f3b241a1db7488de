package commands

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"poolctl/backend/host"
	"poolctl/format"
)

// A meter shows on a terminal how far something is that takes its time.
type meter struct {
	w     io.Writer
	start time.Time

	mu    sync.Mutex
	shown time.Time
	width int // of the line that is shown
}

const (
	meterDelay = time.Second            // what takes less is not worth a line
	meterPause = 200 * time.Millisecond // between two lines
)

// progress returns what is to be told of something long, and what ends that; nil where nobody looks on.
func (e *env) progress() (host.Progress, func()) {
	if e.cli.Quiet || e.cli.DryRun || e.cli.Debug || !watched() {
		return nil, func() {}
	}
	m := &meter{w: meterOutput(e.ctx), start: time.Now()}
	return m.tell, m.clear
}

// tell shows the bytes that are done, of how many, the rate, and the time that is left if it goes on like that.
func (m *meter) tell(done, total uint64) {
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

// show puts a line in place of the last one.
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
	return fmt.Sprintf("%3d %%  %s of %s  %s  %s left", done*100/total, format.HumanSize(done), format.HumanSize(total), speed, left)
}

// clock prints minutes and seconds, and hours if there are any.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
