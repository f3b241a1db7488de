package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// jsonLines has a command line for each verb, in an order in which each finds what it works on. With -o json,
// each prints one object, or is refused (status 2).
var jsonLines = []string{
	"pool-define-as images dir --target WORK/images", "pool-list --all", "pool-info images",
	"pool-dumpxml images",
	"pool-name uuid", "pool-uuid images", "pool-define other.yaml", "pool-edit images", "pool-build images",
	"pool-start images", "pool-refresh images", "pool-autostart images", "autostart",
	"pool-create third.yaml", "pool-create-as fourth dir --target WORK/fourth --build", "pool-capabilities",
	"pool-event --list", "find-storage-pool-sources netfs", "find-storage-pool-sources-as netfs",
	"vol-create images volume.yaml", "vol-create-as images a 1M", "vol-list images", "vol-info a images",
	"vol-dumpxml a images", "vol-key a images", "vol-name a", "vol-path a images", "vol-pool a",
	"vol-rename a b images", "vol-create-from images copy.yaml b images", "vol-clone b c images",
	"vol-fetch f file://WORK/images/b images --no-checksum --cache-dir WORK/cache", "vol-trim f images",
	"vol-convert f images --format qcow2",
	"vol-create-as images q 1M --format qcow2", "vol-check q images", "vol-disk q images",
	"vol-snapshot-create q one images", "vol-snapshot-list q images", "vol-snapshot-revert q one images",
	"vol-snapshot-clone q one r images", "vol-snapshot-delete q one images",
	"vol-create-as images o 1M --format qcow2 --backing-vol q --backing-vol-format qcow2", "vol-users q images",
	"vol-rebase o r images --backing-vol-format qcow2", "vol-flatten o images",
	"vol-rebase o r images --unsafe --backing-vol-format qcow2", "vol-commit o images",
	"vol-move o images fourth", "pool-rename fourth fifth", "check images --only secret", "metrics images",
	"explain capacity", "tree images",
	"vol-resize b 2M images", "vol-upload b volume.yaml images", "vol-download b file images",
	"diff other.yaml", "apply other.yaml", "export images",
	"vol-wipe b images", "vol-delete b images", "secret-define secret.yaml", "secret-list",
	"secret-set-value some --file value", "secret-dumpxml some", "secret-get-value some",
	"secret-undefine some", "secret-event --list",
	"import --from WORK/libvirt/storage", "pool-destroy images", "pool-delete other",
	"pool-undefine images", "completion bash", "help",
}

// documents are the files that jsonLines names.
var documents = map[string]string{
	"other.yaml":  "name: other\ntype: dir\ntarget: {path: WORK/other}\n",
	"third.yaml":  "name: third\ntype: dir\ntarget: {path: WORK/third}\n",
	"volume.yaml": "name: v\ncapacity: 1M\n", "copy.yaml": "name: w\ncapacity: 1M\n",
	"secret.yaml": "usage: {type: ceph, name: some}\n", "value": "c29tZQ==",
	"libvirt/storage/imported.xml": "<pool type='dir'><name>imported</name>" +
		"<target><path>WORK/imported</path></target></pool>",
	"other/.keep": "", "third/.keep": "", "images/.keep": "",
}

// TestEveryVerbInJSON checks that no verb ignores -o json.
func TestEveryVerbInJSON(t *testing.T) {
	dir := t.TempDir()
	for name, text := range documents {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "WORK", dir)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "other/.keep")); err != nil { // pool-delete needs it empty
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, line := range jsonLines {
		args := strings.Fields(strings.ReplaceAll(line, "WORK", dir))
		tested[args[0]] = true
		testInJSON(t, dir, append(args, "-o", "json"))
	}
	for _, v := range verbs {
		if v.group != "" && !tested[v.name] {
			t.Errorf("%s is not tested with -o json", v.name)
		}
	}
}

func testInJSON(t *testing.T, dir string, args []string) {
	t.Helper()
	cmd := exec.Command("poolctl", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "EDITOR=true", "POOLCTL_CONFIG_DIR="+dir+"/etc",
		"POOLCTL_RUN_DIR="+dir+"/run", "POOLCTL_LIBVIRT_DIR="+dir+"/libvirt")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == statusUsage {
		if n, err := checkJSON(strings.Join(args, " "), problems.String()); n != 1 || err != nil {
			t.Errorf("%s: %d documents, %v", args, n, err)
		}
		if len(out) > 0 || !strings.Contains(problems.String(), "-o") {
			t.Errorf("%s: printed %q and %q", args, out, problems.String())
		}
		return
	}
	if n, err := checkJSON(strings.Join(args, " "), string(out)); n != 1 || err != nil {
		t.Errorf("%s: %d documents, %v", args, n, err)
	}
	var document struct {
		Schema                  int
		Verb                    string
		Changed                 *bool
		Pools, Volumes, Secrets []struct{ Name, UUID, Error string }
		Users, Snapshots, Nodes []any
		Changes, Problems       *[]any // may be empty
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	decodeErr := decoder.Decode(&document)
	records := append(append(document.Pools, document.Volumes...), document.Secrets...)
	if err != nil || decodeErr != nil || decoder.More() || document.Schema != 1 ||
		len(records)+len(document.Users)+len(document.Snapshots)+len(document.Nodes) == 0 &&
			document.Changes == nil && document.Problems == nil {
		t.Errorf("%s: %v, %v, %s\n%s", args, err, decodeErr, problems.String(), out)
	}
	isChange := !strings.HasSuffix(args[0], "-list") && !strings.HasSuffix(args[0], "-info") &&
		args[0] != "vol-users" && args[0] != "check" && args[0] != "tree"
	if isChange != (document.Changed != nil) || isChange && document.Verb != args[0] {
		t.Errorf("%s: verb %q, changed %v", args, document.Verb, document.Changed)
	}
	for _, record := range records {
		if record.Error != "" {
			t.Errorf("%s: %s", args, record.Error)
		}
	}
}
