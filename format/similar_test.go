package format

import "testing"

func TestSimilar(t *testing.T) {
	names := []string{"images", "image", "vm", "größe", "backup"}
	for typed, want := range map[string]string{
		"imgaes": "images", "imags": "images", "images2": "images", "bakup": "backup", "grösse": "größe",
		"v": "", "vx": "", "xyz": "", "": "", "completely": "", "images": "image",
	} {
		if got := Similar(typed, names); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}
