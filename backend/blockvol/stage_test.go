package blockvol

import (
	"fmt"
	"testing"
)

// TestLeft tells what others left from what is needed.
func TestLeft(t *testing.T) {
	stage, done := NewStage()
	if IsLeft(stage) || !IsStage(stage) {
		t.Errorf("%s is being made", stage)
	}
	done()
	for name, left := range map[string]bool{
		stage: true, ".poolctl-1-0-1": true, fmt.Sprintf(".poolctl-1-%s-1", begun(1)): false, ".poolctl-99999999-1-1": true, "v": false, ".poolctl-x": false,
	} {
		if IsLeft(name) != left {
			t.Errorf("%q is left: %v", name, !left)
		}
	}
}
