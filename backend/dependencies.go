package backend

// Dependencies are what must be there before a pool can be started.
type Dependencies struct {
	Paths    []string // files and directories whose file systems must be mounted
	Devices  []string // paths of block devices; the start may do without some of them
	Mount    string   // the directory at which the start mounts the pool's storage; may be empty
	Network  bool
	IsHidden bool     // systemd does not recognise the type of the mount as that of a network file system
	Services []string // units of systemd that provide the storage, on machines that have them
}
