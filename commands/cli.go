package commands

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// cli is the whole grammar. A field is a verb: PoolDefine is pool-define, and stands in pool_define.go.
//
// Arguments (arg) are required. A flag tagged position can be given by position, too, after the arguments and in the order
// of the fields, as virsh allows for each of its options that has a value.
type cli struct {
	Globals

	PoolList         PoolList         `cmd:"" group:"pools" help:"List pools."`
	PoolInfo         PoolInfo         `cmd:"" group:"pools" help:"Show a pool's state and sizes."`
	PoolDumpxml      PoolDumpxml      `cmd:"" group:"pools" help:"Print a pool's XML document."`
	PoolName         PoolName         `cmd:"" group:"pools" help:"Print the name of the pool with a uuid."`
	PoolUuid         PoolUuid         `cmd:"" group:"pools" help:"Print a pool's uuid."`
	PoolDefine       PoolDefine       `cmd:"" group:"pools" help:"Define a pool from a file, or change its definition."`
	PoolDefineAs     PoolDefineAs     `cmd:"" group:"pools" help:"Define a pool from arguments."`
	PoolEdit         PoolEdit         `cmd:"" group:"pools" help:"Edit a pool's definition."`
	PoolUndefine     PoolUndefine     `cmd:"" group:"pools" help:"Remove a pool's definition; its data stay."`
	PoolBuild        PoolBuild        `cmd:"" group:"pools" help:"Make the storage that a pool lives in."`
	PoolStart        PoolStart        `cmd:"" group:"pools" help:"Start a defined pool."`
	PoolCreate       PoolCreate       `cmd:"" group:"pools" help:"Start a pool from a file, without defining it."`
	PoolCreateAs     PoolCreateAs     `cmd:"" group:"pools" help:"Start a pool from arguments, without defining it."`
	PoolRefresh      PoolRefresh      `cmd:"" group:"pools" help:"Check that an active pool can be read, and tidy it up."`
	PoolDestroy      PoolDestroy      `cmd:"" group:"pools" help:"Stop a pool; its data stay."`
	PoolDelete       PoolDelete       `cmd:"" group:"pools" help:"Remove the storage of a stopped pool."`
	PoolAutostart    PoolAutostart    `cmd:"" group:"pools" help:"Have a pool started at boot, or no longer."`
	Autostart        Autostart        `cmd:"" group:"pools" help:"Start all pools that are marked for it."`
	PoolCapabilities PoolCapabilities `cmd:"" group:"pools" help:"Print which pool types and formats there are."`
	PoolEvent        PoolEvent        `cmd:"" group:"pools" help:"Not available: there is no daemon to listen to."`

	FindStoragePoolSources   FindStoragePoolSources   `cmd:"" group:"pools" help:"Find sources of pools, described by a file."`
	FindStoragePoolSourcesAs FindStoragePoolSourcesAs `cmd:"" group:"pools" help:"Find sources of pools, described by arguments."`

	VolList     VolList     `cmd:"" group:"volumes" help:"List the volumes of a pool."`
	VolInfo     VolInfo     `cmd:"" group:"volumes" help:"Show a volume's type and sizes."`
	VolDumpxml  VolDumpxml  `cmd:"" group:"volumes" help:"Print a volume's XML document."`
	VolKey      VolKey      `cmd:"" group:"volumes" help:"Print a volume's key."`
	VolName     VolName     `cmd:"" group:"volumes" help:"Print the name of the volume with a key or path."`
	VolPath     VolPath     `cmd:"" group:"volumes" help:"Print a volume's path."`
	VolPool     VolPool     `cmd:"" group:"volumes" help:"Print the pool that a volume is in."`
	VolCreate   VolCreate   `cmd:"" group:"volumes" help:"Create a volume from a file."`
	VolCreateAs VolCreateAs `cmd:"" group:"volumes" help:"Create a volume from arguments."`
	VolDelete   VolDelete   `cmd:"" group:"volumes" help:"Delete a volume with all its data."`

	Completion Completion `cmd:"" group:"other" help:"Print a script that completes commands in a shell."`
	Complete   Complete   `cmd:"" hidden:"" name:"__complete"`
	Man        Man        `cmd:"" hidden:"" name:"__man"`
	Help       Help       `cmd:"" group:"other" help:"Show help on a verb."`
}

// Globals are the options of every verb.
type Globals struct {
	ConfigDir   string           `env:"POOLCTL_CONFIG_DIR" placeholder:"DIR" help:"Directory of the definitions (${config_dir})."`
	RunDir      string           `env:"POOLCTL_RUN_DIR" placeholder:"DIR" help:"Directory of run records and locks (${run_dir})."`
	LockTimeout seconds          `env:"POOLCTL_LOCK_TIMEOUT" default:"1m" placeholder:"TIME" help:"How long to wait for other poolctl processes, in seconds or as 90s, 5m (1m); 0 is not at all."`
	DryRun      bool             `env:"POOLCTL_DRY_RUN" help:"Print the shell commands that would do it, and change nothing."`
	Debug       bool             `env:"POOLCTL_DEBUG" help:"Print on standard error what is asked (?) and changed (+)."`
	Quiet       bool             `short:"q" help:"No sentences, no headers."`
	Readonly    bool             `short:"r" help:"Refuse to change anything."`
	Connect     string           `short:"c" placeholder:"URI" help:"For scripts written for virsh: qemu:///system and other local URIs are accepted."`
	Version     kong.VersionFlag `short:"V" help:"Print the version."`
}

// An output option chooses how records are printed.
type output struct {
	Output string `short:"o" default:"table" enum:"table,json,yaml,csv,name,xml" placeholder:"STYLE" help:"Print a table, json, yaml, csv, name or xml."`
}

// groups are the headings of the help, in order.
var groups = []kong.Group{
	{Key: "pools", Title: "Pools:"},
	{Key: "volumes", Title: "Volumes:"},
	{Key: "other", Title: "Other:"},
}

// seconds is a length of time: a number of seconds, or a number with a unit.
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
