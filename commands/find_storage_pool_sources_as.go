package commands

import (
	"fmt"
	"strconv"

	"poolctl/pooldef"
)

// FindStoragePoolSourcesAs is the verb find-storage-pool-sources-as.
type FindStoragePoolSourcesAs struct {
	Type      string `arg:"" help:"Type of pool."`
	Host      string `position:"" placeholder:"HOST" help:"Server to query."`
	Port      string `position:"" placeholder:"PORT" help:"Its port."`
	Initiator string `position:"" placeholder:"IQN" help:"Initiator IQN."`
}

// Help implements kong.HelpProvider.
func (*FindStoragePoolSourcesAs) Help() string {
	return "  poolctl find-storage-pool-sources-as netfs nas.example.org\n" +
		"  poolctl find-storage-pool-sources-as logical"
}

// Run searches where the arguments say.
func (c *FindStoragePoolSourcesAs) Run(e *env) error {
	info, err := poolType("find-storage-pool-sources-as", c.Type)
	if err != nil {
		return err
	}
	spec := pooldef.Source{Initiator: c.Initiator}
	if c.Host != "" {
		host := pooldef.Host{Name: c.Host}
		if c.Port != "" {
			if host.Port, err = strconv.Atoi(c.Port); err != nil || host.Port < 1 || host.Port > 65535 {
				return &usageError{"find-storage-pool-sources-as", fmt.Sprintf("%q is not a port", c.Port)}
			}
		}
		spec.Hosts = []pooldef.Host{host}
	}
	return e.findSources(info, &spec)
}
