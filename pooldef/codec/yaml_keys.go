package codec

import (
	"slices"
	"strings"
)

// A yamlKey relates a YAML key to its place in the XML document. The tables poolKeys, volumeKeys and
// secretKeys define the YAML languages.
type yamlKey struct {
	yaml string // the path of keys, joined by dots; keys of list items begin with the list's path
	xml  string // the path of elements; a last part @x is an attribute
	kind yamlKind
}

type yamlKind int

const (
	text     yamlKind = iota
	number            // text, printed without quotes if it is a number
	yesNoKey          // yes or no; also true and false
	sizeKey           // a number and the attribute unit, such as 10GiB
	presence          // true if the element exists
	list              // one element for each item; a scalar item is the attribute at the end of the XML path
	apart             // not part of the XML document: the value stays a YAML node
	mapping           // one element for each pair, with the attributes name and value
)

var poolKeys = []yamlKey{
	{"type", "@type", text},
	{"name", "name", text},
	{"uuid", "uuid", text},
	{"cow", "features/cow/@state", yesNoKey},
	{"source.hosts", "source/host/@name", list},
	{"source.hosts.name", "source/host/@name", text},
	{"source.hosts.port", "source/host/@port", number},
	{"source.devices", "source/device/@path", list},
	{"source.devices.path", "source/device/@path", text},
	{"source.devices.part_separator", "source/device/@part_separator", yesNoKey},
	{"source.dir", "source/dir/@path", text},
	{"source.adapter.type", "source/adapter/@type", text},
	{"source.adapter.name", "source/adapter/@name", text},
	{"source.adapter.parent", "source/adapter/@parent", text},
	{"source.adapter.parent_wwnn", "source/adapter/@parent_wwnn", text},
	{"source.adapter.parent_wwpn", "source/adapter/@parent_wwpn", text},
	{"source.adapter.parent_fabric_wwn", "source/adapter/@parent_fabric_wwn", text},
	{"source.adapter.managed", "source/adapter/@managed", yesNoKey},
	{"source.adapter.wwnn", "source/adapter/@wwnn", text},
	{"source.adapter.wwpn", "source/adapter/@wwpn", text},
	{"source.adapter.unique_id", "source/adapter/parentaddr/@unique_id", number},
	{"source.adapter.address.domain", "source/adapter/parentaddr/address/@domain", number},
	{"source.adapter.address.bus", "source/adapter/parentaddr/address/@bus", number},
	{"source.adapter.address.slot", "source/adapter/parentaddr/address/@slot", number},
	{"source.adapter.address.function", "source/adapter/parentaddr/address/@function", number},
	{"source.name", "source/name", text},
	{"source.initiator", "source/initiator/iqn/@name", text},
	{"source.format", "source/format/@type", text},
	{"source.auth.type", "source/auth/@type", text},
	{"source.auth.username", "source/auth/@username", text},
	{"source.auth.secret.type", "source/auth/secret/@type", text},
	{"source.auth.secret.uuid", "source/auth/secret/@uuid", text},
	{"source.auth.secret.usage", "source/auth/secret/@usage", text},
	{"source.auth.mutual.username", "?poolctl/@mutual_username", text},
	{"source.auth.mutual.secret.uuid", "?poolctl/@mutual_secret_uuid", text},
	{"source.auth.mutual.secret.usage", "?poolctl/@mutual_secret_usage", text},
	{"source.protocol", "source/protocol/@ver", text},
	{"source.vendor", "source/vendor/@name", text},
	{"source.product", "source/product/@name", text},
	{"source.thin_pool", "?poolctl/@thin_pool", text},
	{"target.path", "target/path", text},
	{"target.mode", "target/permissions/mode", text},
	{"target.owner", "target/permissions/owner", number},
	{"target.group", "target/permissions/group", number},
	{"target.label", "target/permissions/label", text},
	{"target.mount_point", "?poolctl/@mount_point", yesNoKey},
	{"refresh", "refresh/volume/@allocation", text},
	{"mount_options", "fs:mount_opts/fs:option/@name", list},
	{"config", "rbd:config_opts/rbd:option", mapping},
	{"check.warning", "?check/@warning", number},
	{"check.critical", "?check/@critical", number},
	{"check.skip", "?check/?skip", mapping},
	{"state", "", apart},
	{"volumes", "", apart},
	{"managed_by", "", apart},
}

var volumeKeys = []yamlKey{
	{"type", "@type", text},
	{"name", "name", text},
	{"capacity", "capacity", sizeKey},
	{"allocation", "allocation", sizeKey},
	{"format", "target/format/@type", text},
	{"mode", "target/permissions/mode", text},
	{"owner", "target/permissions/owner", number},
	{"group", "target/permissions/group", number},
	{"label", "target/permissions/label", text},
	{"compat", "target/compat", text},
	{"nocow", "target/nocow", presence},
	{"cluster_size", "target/clusterSize", sizeKey},
	{"lazy_refcounts", "target/features/lazy_refcounts", presence},
	{"extended_l2", "target/features/extended_l2", presence},
	{"encryption.format", "target/encryption/@format", text},
	{"encryption.engine", "target/encryption/@engine", text},
	{"encryption.secrets", "target/encryption/secret/@uuid", list},
	{"encryption.secrets.type", "target/encryption/secret/@type", text},
	{"encryption.secrets.uuid", "target/encryption/secret/@uuid", text},
	{"encryption.secrets.usage", "target/encryption/secret/@usage", text},
	{"encryption.cipher.name", "target/encryption/cipher/@name", text},
	{"encryption.cipher.size", "target/encryption/cipher/@size", number},
	{"encryption.cipher.mode", "target/encryption/cipher/@mode", text},
	{"encryption.cipher.hash", "target/encryption/cipher/@hash", text},
	{"encryption.ivgen.name", "target/encryption/ivgen/@name", text},
	{"encryption.ivgen.hash", "target/encryption/ivgen/@hash", text},
	{"backing.path", "backingStore/path", text},
	{"backing.format", "backingStore/format/@type", text},
}

var secretKeys = []yamlKey{
	{"uuid", "uuid", text},
	{"description", "description", text},
	{"ephemeral", "@ephemeral", yesNoKey},
	{"private", "@private", yesNoKey},
	{"usage.type", "usage/@type", text},
	{"usage.volume", "usage/volume", text},
	{"usage.name", "usage/name", text},
	{"usage.target", "usage/target", text},
}

// rootElement returns the name of the root element of the documents that a table of keys describes.
func rootElement(keys []yamlKey) string {
	switch {
	case slices.Equal(keys, volumeKeys):
		return "volume"
	case slices.Equal(keys, secretKeys):
		return "secret"
	}
	return "pool"
}

// yamlPath converts the XML path of a problem into a path of keys: the key itself, or the common start of all
// keys at or below the element. If the element has no key, yamlPath tries its parent.
func yamlPath(keys []yamlKey, xml string) string {
	for xml != "" {
		path, found := "", false
		for _, k := range keys {
			switch {
			case k.xml == xml && strings.Contains(xml, "@"):
				path, found = k.yaml, true // the last match; in a list, the item's own key
			case strings.HasPrefix(k.xml, xml+"/") || k.xml == xml:
				path, found = commonKey(path, k.yaml, found), true
			}
		}
		if found {
			return path
		}
		xml, _ = splitPath(xml)
	}
	return ""
}

// commonKey returns the longest common path of two keys, or b if a is not set yet (both is false).
func commonKey(a, b string, both bool) string {
	if !both {
		return b
	}
	for !strings.HasPrefix(b+".", a+".") {
		a = a[:max(strings.LastIndex(a, "."), 0)]
		if a == "" {
			break
		}
	}
	return a
}

// isList reports whether the key at a path is a list.
func isList(keys []yamlKey, path string) bool {
	return slices.ContainsFunc(keys, func(k yamlKey) bool { return k.yaml == path && k.kind == list })
}

// siblingKeys returns the names of all keys beside a key.
func siblingKeys(keys []yamlKey, full string) []string {
	parent := full[:strings.LastIndex(full, ".")+1]
	var names []string
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k.yaml, parent)
		name, _, _ := strings.Cut(rest, ".")
		if ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
