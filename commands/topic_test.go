package commands

import (
	"os/exec"
	"strings"
	"testing"

	"poolctl/commands/manual"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// topic returns what poolctl help prints about a topic.
func topic(t *testing.T, name string) string {
	t.Helper()
	text, err := exec.Command("poolctl", "help", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTopics checks that the topics contain no macros of the manual page, and fit into a terminal.
func TestTopics(t *testing.T) {
	for _, name := range manual.TopicNames() {
		text := topic(t, name)
		if len(text) < 200 || strings.Contains(text, `\-`) {
			t.Errorf("%s: %q", name, text)
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, ".") || len(line) > 81 {
				t.Errorf("%s: line %q", name, line)
			}
		}
	}
}

// TestTopicYAML checks that the examples of the topic yaml can be used.
func TestTopicYAML(t *testing.T) {
	var examples []string
	for part := range strings.SplitSeq(topic(t, "yaml"), "\n\n") {
		if strings.HasPrefix(part, "  ") {
			examples = append(examples, part)
		}
	}
	if len(examples) != 3 {
		t.Fatalf("found %d examples", len(examples))
	}
	_, warnings, err := codec.ReadPool("pool", []byte(examples[0]), true)
	if warnings != nil || err != nil {
		t.Errorf("%v, %v", warnings, err)
	}
	_, warnings, err = codec.ReadVolume("volume", []byte(examples[1]), pooldef.Dir.Info(), true)
	if warnings != nil || err != nil {
		t.Errorf("%v, %v", warnings, err)
	}
	if _, warnings, err = codec.ReadSecret("secret", []byte(examples[2]), true); warnings != nil || err != nil {
		t.Errorf("%v, %v", warnings, err)
	}
}
