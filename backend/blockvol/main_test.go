package blockvol

import (
	"testing"

	"poolctl/backend/backendtest"
)

func TestMain(m *testing.M) { backendtest.Main(m) }
