package commands

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// verbs is the grammar. The verb pool-define is the struct PoolDefine in pool_define.go. The fields of the
// struct are its arguments (tagged arg), which are required, and its options. An option tagged position can
// also be given by position, after the arguments and in the order of the fields; virsh allows that for every
// option that has a value. A verb without a group is hidden.
var verbs = []struct {
	name, group, help string
	new               func() any
}{
	{"pool-list", "pools", "List pools.", is[PoolList]},
	{"pool-info", "pools", "Show a pool's state and sizes.", is[PoolInfo]},
	{"pool-dumpxml", "pools", "Print a pool's XML document.", is[PoolDumpxml]},
	{"pool-name", "pools", "Print the name of the pool with a uuid.", is[PoolName]},
	{"pool-uuid", "pools", "Print a pool's uuid.", is[PoolUuid]},
	{"pool-define", "pools", "Define a pool from a file, or change its definition.", is[PoolDefine]},
	{"pool-define-as", "pools", "Define a pool from arguments.", is[PoolDefineAs]},
	{"pool-edit", "pools", "Edit a pool's definition.", is[PoolEdit]},
	{"pool-rename", "pools", "Rename a pool; keep its storage.", is[PoolRename]},
	{"pool-undefine", "pools", "Remove a pool's definition; keep its data.", is[PoolUndefine]},
	{"pool-build", "pools", "Create a pool's underlying storage.", is[PoolBuild]},
	{"pool-start", "pools", "Start a defined pool.", is[PoolStart]},
	{"pool-create", "pools", "Start a pool from a file, without defining it.", is[PoolCreate]},
	{"pool-create-as", "pools", "Start a pool from arguments, without defining it.", is[PoolCreateAs]},
	{"pool-refresh", "pools", "Check an active pool, and remove leftovers of killed commands.", is[PoolRefresh]},
	{"pool-destroy", "pools", "Stop a pool; keep its data.", is[PoolDestroy]},
	{"pool-delete", "pools", "Remove the storage of a stopped pool.", is[PoolDelete]},
	{"pool-autostart", "pools", "Enable or disable starting a pool at boot.", is[PoolAutostart]},
	{"autostart", "pools", "Start all pools that are enabled for it.", is[Autostart]},
	{"diff", "pools", "Compare pools and volumes with definitions.", is[Diff]},
	{"apply", "pools", "Make pools and volumes as definitions say.", is[Apply]},
	{"export", "pools", "Print pools and volumes as definitions for apply.", is[Export]},
	{"import", "pools", "Take over pools and secrets from libvirt.", is[Import]},
	{"pool-capabilities", "pools", "Print the supported pool types and formats.", is[PoolCapabilities]},
	{"pool-event", "pools", "Not available: poolctl has no daemon.", is[PoolEvent]},
	{"find-storage-pool-sources", "pools", "Find sources for pools, specified by a file.",
		is[FindStoragePoolSources]},
	{"find-storage-pool-sources-as", "pools", "Find sources for pools, specified by arguments.",
		is[FindStoragePoolSourcesAs]},
	{"vol-list", "volumes", "List the volumes of a pool.", is[VolList]},
	{"vol-info", "volumes", "Show a volume's type and sizes.", is[VolInfo]},
	{"vol-dumpxml", "volumes", "Print a volume's XML document.", is[VolDumpxml]},
	{"vol-key", "volumes", "Print a volume's key.", is[VolKey]},
	{"vol-name", "volumes", "Print the name of the volume with a key or path.", is[VolName]},
	{"vol-path", "volumes", "Print a volume's path.", is[VolPath]},
	{"vol-pool", "volumes", "Print the name of a volume's pool.", is[VolPool]},
	{"vol-disk", "volumes", "Print what a guest needs to use a volume.", is[VolDisk]},
	{"vol-users", "volumes", "List what uses volumes, or volumes that nothing uses.", is[VolUsers]},
	{"vol-create", "volumes", "Create a volume from a file.", is[VolCreate]},
	{"vol-create-as", "volumes", "Create a volume from arguments.", is[VolCreateAs]},
	{"vol-rename", "volumes", "Rename a volume.", is[VolRename]},
	{"vol-move", "volumes", "Move a volume to another pool.", is[VolMove]},
	{"vol-commit", "volumes", "Write an image's data into its backing store.", is[VolCommit]},
	{"vol-flatten", "volumes", "Make an image independent of its backing store.", is[VolFlatten]},
	{"vol-rebase", "volumes", "Base an image on another backing store.", is[VolRebase]},
	{"vol-create-from", "volumes", "Create a volume from another volume's data.", is[VolCreateFrom]},
	{"vol-fetch", "volumes", "Create a volume from an image on a server.", is[VolFetch]},
	{"vol-clone", "volumes", "Copy a volume within its pool.", is[VolClone]},
	{"vol-resize", "volumes", "Change a volume's size.", is[VolResize]},
	{"vol-upload", "volumes", "Write a file into a volume.", is[VolUpload]},
	{"vol-download", "volumes", "Write a volume, or part of it, to a file.", is[VolDownload]},
	{"vol-check", "volumes", "Check an image for damage, and repair it.", is[VolCheck]},
	{"vol-convert", "volumes", "Give a volume another format, in its place.", is[VolConvert]},
	{"vol-trim", "volumes", "Give the space of zeros in a volume back.", is[VolTrim]},
	{"vol-wipe", "volumes", "Destroy all data in a volume.", is[VolWipe]},
	{"vol-delete", "volumes", "Delete a volume with all its data.", is[VolDelete]},
	{"vol-snapshot-list", "volumes", "List the snapshots of a volume.", is[VolSnapshotList]},
	{"vol-snapshot-create", "volumes", "Keep the current state of a volume.", is[VolSnapshotCreate]},
	{"vol-snapshot-delete", "volumes", "Delete a snapshot, or those that are too old.", is[VolSnapshotDelete]},
	{"vol-snapshot-revert", "volumes", "Give a volume the state of a snapshot.", is[VolSnapshotRevert]},
	{"vol-snapshot-clone", "volumes", "Create a volume from a snapshot.", is[VolSnapshotClone]},
	{"secret-list", "secrets", "List secrets.", is[SecretList]},
	{"secret-dumpxml", "secrets", "Print a secret's XML document, without its value.", is[SecretDumpxml]},
	{"secret-get-value", "secrets", "Print the value of a secret.", is[SecretGetValue]},
	{"secret-define", "secrets", "Define a secret from a file, or change its definition.", is[SecretDefine]},
	{"secret-set-value", "secrets", "Set the value of a secret.", is[SecretSetValue]},
	{"secret-undefine", "secrets", "Remove a secret's definition and its value.", is[SecretUndefine]},
	{"secret-event", "secrets", "Not available: poolctl has no daemon.", is[SecretEvent]},
	{"tree", "monitoring", "Show what storage lies on what.", is[Tree]},
	{"check", "monitoring", "Look for problems of pools, as a monitoring plugin.", is[Check]},
	{"metrics", "monitoring", "Print figures of pools for Prometheus.", is[Metrics]},
	{"explain", "monitoring", "Explain a finding of check.", is[Explain]},
	{"completion", "other", "Print a completion script for a shell.", is[Completion]},
	{"__complete", "", "", is[Complete]},
	{"__man", "", "", is[Man]},
	{"help", "other", "Show help for a verb.", is[Help]},
}

// is returns a new struct of a verb.
func is[Verb any]() any { return new(Verb) }

// cli has the options that kong reads besides the verbs.
type cli struct{ Globals }

// Globals are the options of every verb. An option tagged kept cannot be switched off again.
type Globals struct {
	Directories
	Others
}

// Directories are the global options that a command line may have in the environment and nowhere else.
type Directories struct {
	ConfigDir       string `env:"POOLCTL_CONFIG_DIR" placeholder:"DIR" help:"Directory of the definitions (/etc/poolctl)."`
	RunDir          string `env:"POOLCTL_RUN_DIR" placeholder:"DIR" help:"Directory of run records and locks (/run/poolctl)."`
	LibvirtDir      string `env:"POOLCTL_LIBVIRT_DIR" placeholder:"DIR" help:"Directory of libvirt's definitions; its secrets are used if poolctl has none (/etc/libvirt)."`
	LibvirtStateDir string `env:"POOLCTL_LIBVIRT_STATE_DIR" placeholder:"DIR" help:"Directory of libvirt's records of running pools, used with --config-dir /etc/libvirt/storage (/run/libvirt/storage)."`
}

// Others are the other global options. The value of each is zero if it is not given: see [env.parse].
type Others struct {
	LockTimeout   *seconds    `env:"POOLCTL_LOCK_TIMEOUT" placeholder:"TIME" help:"How long to wait for locks of other poolctl processes, in seconds or as 90s, 5m (1m); 0 does not wait."`
	Timeout       *seconds    `env:"POOLCTL_TIMEOUT" placeholder:"TIME" help:"How long to wait for a server's answer, in seconds or as 90s, 5m (30s)."`
	DryRun        bool        `kept:"" env:"POOLCTL_DRY_RUN" help:"Print the equivalent shell commands, and change nothing. Cannot be cancelled."`
	Debug         bool        `env:"POOLCTL_DEBUG" help:"Print queries (?) and changes (+) to standard error."`
	Quiet         bool        `short:"q" help:"Print no messages and no table headers."`
	Readonly      bool        `kept:"" short:"r" env:"POOLCTL_READONLY" help:"Refuse all changes, and write no lock files. Cannot be cancelled."`
	On            string      `short:"H" env:"POOLCTL_HOST" placeholder:"[USER@]HOST[,...]" help:"Run the verb on other machines, by ssh. HOST may have a port (nas:2222). Files that the command line names are files on this machine."`
	RemoteCommand string      `default:"poolctl" placeholder:"COMMAND" help:"How poolctl is called on the other machines, such as 'sudo poolctl' (poolctl)."`
	Yes           bool        `help:"With several machines: do not ask before a change."`
	Connect       string      `short:"c" placeholder:"URI" help:"For virsh compatibility: accepts qemu:///system and other local URIs. The environment variables and libvirt.conf are checked in the same way."`
	Version       versionFlag `short:"V" help:"Print the version."`
	VersionToo    versionFlag `short:"v" hidden:""` // virsh accepts both
}

// groups are the headings of the help, in order.
var groups = []kong.Group{
	{Key: "pools", Title: "Pools:"},
	{Key: "volumes", Title: "Volumes:"},
	{Key: "secrets", Title: "Secrets:"},
	{Key: "monitoring", Title: "Monitoring:"},
	{Key: "other", Title: "Other:"},
}

// seconds is a duration: a number of seconds, or a number with a unit.
type seconds time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *seconds) UnmarshalText(text []byte) error {
	value := string(text)
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		value += "s"
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a length of time such as 30, 90s or 5m", text)
	}
	*s = seconds(d)
	return nil
}
