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

// A compareResult is the result of one step on one side.
type compareResult struct {
	// lines is everything that is compared: the status, standard output (each line after "|", or after
	// "failed|" if the step failed), and the changes of the machine.
	lines  []string
	stderr string
	ok     bool
}

// sought matches the lines of virsh's errors that scripts look for. Other reasons are poolctl's own.
var sought = regexp.MustCompile(`^error: (Failed to \w+ (pool|vol|secret)|failed to get |.* not found: |` +
	`.*pool '.*' is (not|already|still) active|storage volume '.*' exists already|.* already (in use|exists with uuid)|` +
	`.*Storage source conflict|command '.*' requires|unexpected data|Options .* mutually exclusive|Malformed size)`)

// changing matches what has another value in each run: the directory of a side, and random uuids.
var changing = regexp.MustCompile(`/(dev/shm|tmp)/poolctl-compare-\d+|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}`)

// withErrors returns the lines of a failed result, and those of its errors that scripts look for.
func (r *compareResult) withErrors() []string {
	lines := slices.Clone(r.lines)
	for line := range strings.Lines(r.stderr) {
		if line = strings.TrimSuffix(line, "\n"); sought.MatchString(line) {
			lines = append(lines, changing.ReplaceAllString(line, "*"))
		}
	}
	return lines
}

// results runs a session on one side, and returns the result of each step.
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

// start reads the state of the machine before the first step.
func (c *compareSide) start(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.work, "results", "start.machine"))
	if err != nil {
		t.Fatal(err)
	}
	c.before.add(c.normalise(string(data)))
}

// result reads the result of a step. Steps must be read in order.
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
	uuidPattern = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}` +
		`|\b[0-9a-z]{6}(-[0-9a-z]{4}){5}-[0-9a-z]{6}\b`) // the form of LVM
	portPattern = regexp.MustCompile(`\bmountport=[0-9]+`)
	timePattern = regexp.MustCompile(`<([amcb]time)>[1-9][0-9]*(\.[0-9]{9})?</`)
)

// normalise replaces text that always differs: uuids by the order in which they first appear, times, a
// server's port, and the directory of the definitions.
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

// A snapshot is the state of the machine: facts about each file by its path, and lines about everything else,
// which have no facts.
type snapshot map[string][]string

// snapshot parses the output of side.bash. Images that it does not mention are as before.
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
		if f[0] == "f" && strings.HasPrefix(path, c.dir) { // definitions differ in the comment at the top
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

// add adds the mount table, and the output of the session's watch command.
func (s snapshot) add(machine string) {
	for line := range strings.Lines(machine) {
		s["machine: "+strings.Join(strings.Fields(line), " ")] = nil
	}
}

// imageFacts selects the values of qemu-img's report that do not differ by chance.
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
	const sizes = "format %s, virtual size %d, cluster size %d"
	facts := []string{fmt.Sprintf(sizes, image.Format, image.VirtualSize, image.ClusterSize)}
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

// changes returns the lines that are new or gone, and all facts of each file that has changed.
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
