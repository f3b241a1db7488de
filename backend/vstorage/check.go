package vstorage

import "poolctl/pooldef"

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"vstorage-mount"} }
