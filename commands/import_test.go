package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestImport has a real libvirtd define pools of all types and a secret, imports them, and checks that
// poolctl prints the same documents as virsh, that the secret has its value, and that libvirt accepts
// poolctl's documents again.
func TestImport(t *testing.T) {
	for _, program := range []string{"virsh", "libvirtd", "unshare"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			if os.Getenv("POOLCTL_TEST_ALL") != "" {
				t.Fatal(program, err)
			}
			t.Skip("NOT TESTED: import from libvirtd. Missing: " + program + ", or root")
		}
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	const text = `
set -e
export POOLCTL_CONFIG_DIR=$1/etc POOLCTL_LIBVIRT_DIR=/etc/libvirt POOLCTL_RUN_DIR=$1/run
export POOLCTL_LIBVIRT_STATE_DIR=/run/libvirt/storage
mkdir $1/dir
id=2ec115d7-3a88-3ceb-bc12-0ac909a6fd87
echo "<secret><uuid>$id</uuid><usage type='ceph'><name>client.admin</name></usage></secret>" >$1/secret.xml
virsh -q -c secret:///system "secret-define $1/secret.xml; secret-set-value $id c2VjcmV0" 2>/dev/null
for f in ../testdata/definitions/[!v]*.xml; do echo "pool-define $f"; done |
	virsh -q >/dev/null 2>&1 || : # libvirt refuses some, such as those that conflict
virsh -q "pool-define-as running dir --target $1/dir; pool-start running; pool-autostart running"
names=$(virsh -q pool-list --all --name)
poolctl import --secrets >$1/first 2>$1/hints
poolctl import --secrets -o json | grep '"changed"'
cat $1/hints
for name in $names; do
	echo "pool-dumpxml --inactive $name"
done >$1/verbs
prompts='^virsh #|^$' sizes='<(allocation|available) '
virsh -q <$1/verbs | grep -vE "$prompts|$sizes" >$1/virsh.xml
poolctl -q - <$1/verbs | grep -vE "$prompts|$sizes" >$1/poolctl.xml
diff $1/virsh.xml $1/poolctl.xml
poolctl pool-list --autostart -o csv --columns name,state
poolctl secret-get-value --plain $id
echo
grep -c '^Pool .* imported$' $1/first >$1/count
set -- "$1" $names
[ $(cat $1/count) = $(($# - 1)) ] && [ $# -gt 15 ]
# Debian's libvirt has neither sheepdog nor vstorage.
echo "types: $(grep -o "<pool type='[a-z-]*'" $1/poolctl.xml | sort -u | wc -l)"
for name in $names; do
	poolctl -q pool-dumpxml --inactive $name | virsh -q pool-define /dev/stdin
done
`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("../scripts/with-libvirtd", "sh", script, dir).CombinedOutput()
	const want = `  "changed": false,
hint: virsh pool-autostart --disable running leaves the start at boot to poolctl
name,state
running,active
secret

types: 12
`
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}
