package scsivol

import (
	"fmt"
	"testing"

	"poolctl/backend/backendtest"
)

// BenchmarkUnits lists 200 units.
func BenchmarkUnits(b *testing.B) {
	s := backendtest.NewSysTree(b)
	for i := range 200 {
		s.Unit(fmt.Sprintf("3:0:0:%d", i), "0", fmt.Sprintf("sd%d", i), i, 2048, page(b, debugPage))
	}
	u := unitsOn(local(s), 3)
	for b.Loop() {
		for _, err := range u.Volumes(b.Context(), pool("/dev")) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
