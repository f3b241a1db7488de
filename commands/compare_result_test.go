package commands_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A compareResult is what one step came to on one side.
type compareResult struct {
	lines  []string // all that is compared: the status; stdout ("|" and the line, "failed|" if it failed); what has changed
	stderr string
	ok     bool
}

// results lets a side go through a session, and returns what each step came to.
func (c *compareSide) results(t *testing.T, s *compareScript) []compareResult {
	t.Helper()
	c.run(t, s)
	c.start(t)
	var all []compareResult
	for i := range s.steps {
		all = append(all, c.result(t, i))
	}
	return all
}

// start reads what was on the machine before the first step.
func (c *compareSide) start(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.work, "results", "start.machine"))
	if err != nil {
		t.Fatal(err)
	}
	c.before.add(c.normalise(string(data)))
}

// result reads what a step left. Steps have to be read in their order.
func (c *compareSide) result(t *testing.T, step int) compareResult {
	t.Helper()
	read := func(suffix string) string {
		data, err := os.ReadFile(filepath.Join(c.work, "results", stepName(step)+suffix))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	r := compareResult{stderr: read(".stderr"), ok: read(".status") == "0\n"}
	stdout, complete := strings.CutSuffix(c.normalise(read(".stdout")), "\n")
	prefix := "|"
	r.lines = []string{"succeeded"}
	if !r.ok {
		prefix = "failed|"
		r.lines = []string{"failed"}
	}
	if stdout != "" || complete {
		for line := range strings.SplitSeq(stdout, "\n") {
			r.lines = append(r.lines, prefix+line)
		}
		if !complete {
			r.lines = append(r.lines, "no newline at the end of stdout")
		}
	}
	now := c.snapshot(t, read(".files"), read(".images"))
	now.add(c.normalise(read(".machine")))
	r.lines = append(r.lines, now.changes(c.before)...)
	c.before = now
	return r
}

var (
	uuidPattern = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-z]{6}(-[0-9a-z]{4}){5}-[0-9a-z]{6}\b`) // the latter is LVM's
	portPattern = regexp.MustCompile(`\bmountport=[0-9]+`)
	timePattern = regexp.MustCompile(`<([amcb]time)>[1-9][0-9]*(\.[0-9]{9})?</`)
)

// normalise replaces what has to differ: uuids by the order in which they are first seen, times, a server's
// port, and where the definitions are.
func (c *compareSide) normalise(text string) string {
	text = uuidPattern.ReplaceAllStringFunc(text, func(id string) string {
		if c.uuids[id] == 0 {
			c.uuids[id] = len(c.uuids) + 1
		}
		return fmt.Sprintf("uuid-%d", c.uuids[id])
	})
	text = portPattern.ReplaceAllString(text, "mountport=PORT")
	text = timePattern.ReplaceAllString(text, "<$1>TIME</")
	return strings.ReplaceAll(strings.ReplaceAll(text, c.config, "CONFIG"), c.dir, "DIR")
}

// A snapshot is what there is on the machine: facts of each file by its path, and lines of what else there
// is, which have none.
type snapshot map[string][]string

// snapshot reads what side.bash found. What it does not say of images is as it was before.
func (c *compareSide) snapshot(t *testing.T, files, images string) snapshot {
	t.Helper()
	now, probed := snapshot{}, map[string][]string{}
	fields := strings.Split(images, "\x00")
	for f := range slices.Chunk(fields[:len(fields)-1], 2) {
		probed[f[0]] = imageFacts(c.normalise(f[1]))
	}
	fields = strings.Split(files, "\x00")
	for f := range slices.Chunk(fields[:len(fields)-1], 7) {
		path := f[6]
		facts := []string{fmt.Sprintf("type %s, mode %s, owner %s%s", f[0], f[1], f[2], c.normalise(" "+f[5]))}
		if f[0] == "f" && strings.HasPrefix(path, c.dir) { // definitions differ in the comment on top
			blocks, _ := strconv.Atoi(f[4])
			facts = append(facts, fmt.Sprintf("size %s, %d allocated", f[3], blocks*512))
		}
		name := strings.Trim(strconv.Quote(c.normalise(path)), `"`)
		if image, ok := probed[path]; ok {
			facts = append(facts, image...)
		} else if old := c.before[name]; f[0] == "f" && len(old) > len(facts) {
			facts = append(facts, old[len(facts):]...)
		}
		now[name] = facts
	}
	return now
}

// add adds the mount table, and what a session watches.
func (s snapshot) add(machine string) {
	for line := range strings.Lines(machine) {
		s["machine: "+strings.Join(strings.Fields(line), " ")] = nil
	}
}

// imageFacts chooses from qemu-img's report what does not differ by chance.
func imageFacts(report string) []string {
	var image struct {
		Format        string `json:"format"`
		VirtualSize   uint64 `json:"virtual-size"`
		ClusterSize   uint64 `json:"cluster-size"`
		Backing       string `json:"backing-filename"`
		BackingFormat string `json:"backing-filename-format"`
		Encrypted     bool   `json:"encrypted"`
		Specific      struct {
			Data map[string]any `json:"data"`
		} `json:"format-specific"`
	}
	if err := json.Unmarshal([]byte(report), &image); err != nil {
		return []string{"not an image"}
	}
	facts := []string{fmt.Sprintf("format %s, virtual size %d, cluster size %d", image.Format, image.VirtualSize, image.ClusterSize)}
	if image.Backing != "" {
		facts = append(facts, fmt.Sprintf("backing %s, format %q", image.Backing, image.BackingFormat))
	}
	for _, key := range []string{"compat", "lazy-refcounts", "extended-l2", "refcount-bits", "create-type"} {
		if value, ok := image.Specific.Data[key]; ok && value != false {
			facts = append(facts, fmt.Sprintf("%s %v", key, value))
		}
	}
	return facts
}

// changes tells what is new, changed or gone: all facts of a file that is not as it was.
func (s snapshot) changes(before snapshot) []string {
	var lines []string
	for name, facts := range s {
		if old, ok := before[name]; ok && slices.Equal(facts, old) {
			continue
		}
		if len(facts) == 0 {
			lines = append(lines, name)
		}
		for _, fact := range facts {
			lines = append(lines, "file "+name+": "+fact)
		}
	}
	for name, facts := range before {
		switch _, ok := s[name]; {
		case !ok && len(facts) == 0:
			lines = append(lines, "gone: "+name)
		case !ok:
			lines = append(lines, "file "+name+": gone")
		}
	}
	slices.Sort(lines)
	return lines
}
