package desired

import (
	"fmt"
	"testing"

	"poolctl/pooldef"
)

// TestInGroups checks that the volumes of a pool are together although each needs one of another pool: a
// pool is listed once for each group.
func TestInGroups(t *testing.T) {
	images, base := poolNamed("images"), poolNamed("base")
	nodes := []*node{images, base}
	for i := range 3 {
		b := &node{pool: base.pool, volume: volumeNamed("b", i), needs: []*node{base}}
		nodes = append(nodes, b, &node{pool: images.pool, volume: volumeNamed("v", i), needs: []*node{images, b}})
	}
	got := ""
	for _, n := range inGroups(nodes) {
		if got += n.pool.Pool.Name; n.volume != nil {
			got += "/" + n.volume.Name
		}
		got += " "
	}
	want := "images base base/b0 base/b1 base/b2 images/v0 images/v1 images/v2 "
	if got != want {
		t.Errorf("got %s, not %s", got, want)
	}
}

func poolNamed(name string) *node {
	return &node{pool: &Pool{Desired: &pooldef.Desired{Pool: &pooldef.Pool{Name: name}}}}
}

func volumeNamed(name string, i int) *pooldef.DesiredVolume {
	return &pooldef.DesiredVolume{Volume: &pooldef.Volume{Name: fmt.Sprint(name, i)}}
}
