package sheepdog

import "poolctl/pooldef"

// Tools implements backend.ToolUser.
func (*Backend) Tools(*pooldef.Pool) []string { return []string{"dog"} }
