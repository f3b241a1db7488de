package codec

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"poolctl/pooldef"
)

// secretDocuments are the same secrets in both languages, the XML as libvirt prints it.
var secretDocuments = []struct{ xml, yaml string }{
	{`<secret ephemeral='no' private='no'>
  <uuid>11111111-2222-3333-4444-555555555551</uuid>
  <description>key of
the &lt;cluster&gt;</description>
  <usage type='ceph'>
    <name>client.admin secret</name>
  </usage>
</secret>
`, "uuid: 11111111222233334444555555555551\ndescription: |-\n  key of\n  the <cluster>\nusage: {type: ceph, name: client.admin secret}\n"},
	{`<secret ephemeral='yes' private='yes'>
  <uuid>11111111-2222-3333-4444-555555555552</uuid>
  <usage type='volume'>
    <volume>/srv/images/vm1.luks</volume>
  </usage>
</secret>
`, "uuid: 11111111-2222-3333-4444-555555555552\nephemeral: yes\nprivate: true\nusage: {type: volume, volume: /srv/images/vm1.luks}\n"},
	{`<secret ephemeral='no' private='yes'>
  <uuid>11111111-2222-3333-4444-555555555553</uuid>
  <usage type='iscsi'>
    <target>san</target>
  </usage>
</secret>
`, "uuid: 11111111-2222-3333-4444-555555555553\nephemeral: off\nprivate: on\nusage: {type: iscsi, target: san}\n"},
	{`<secret ephemeral='no' private='no'>
  <uuid>11111111-2222-3333-4444-555555555554</uuid>
  <usage type='tls'>
    <name>it&apos;s</name>
  </usage>
</secret>
`, "uuid: 11111111-2222-3333-4444-555555555554\nusage:\n  type: tls\n  name: it's\n"},
	{`<secret ephemeral='no' private='no'>
  <uuid>11111111-2222-3333-4444-555555555555</uuid>
  <usage type='vtpm'>
    <name>0123</name>
  </usage>
</secret>
`, "uuid: 11111111-2222-3333-4444-555555555555\nusage:\n  type: vtpm\n  name: 0123\n"},
	{`<secret ephemeral='no' private='no'>
  <uuid>11111111-2222-3333-4444-555555555556</uuid>
</secret>
`, "uuid: 11111111-2222-3333-4444-555555555556\nusage: {type: none}\n"},
}

func readSecret(t testing.TB, file, text string) *pooldef.Secret {
	t.Helper()
	s, warnings, err := ReadSecret(file, []byte(text), true)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%s: %v %v", file, err, warnings)
	}
	return s
}

func TestSecretDocuments(t *testing.T) {
	for _, d := range secretDocuments {
		s := readSecret(t, "x.xml", d.xml)
		if got := SecretElement(s).String(); got != d.xml {
			t.Errorf("printed\n%s\nfrom\n%s", got, d.xml)
		}
		if fromYAML := readSecret(t, "x.yaml", d.yaml); !reflect.DeepEqual(s, fromYAML) {
			t.Errorf("XML\n%+v\nYAML\n%+v", s, fromYAML)
		}
	}
}

// TestSecretSchema checks that printed secrets pass libvirt's schema.
func TestSecretSchema(t *testing.T) {
	needsProgram(t, "virt-xml-validate", "libvirt-clients")
	needsProgram(t, "xmllint", "libxml2-utils")
	for _, d := range secretDocuments {
		file := filepath.Join(t.TempDir(), "secret.xml")
		if err := os.WriteFile(file, []byte(d.xml), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("virt-xml-validate", file, "secret").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, out, d.xml)
		}
	}
}

func TestBadSecrets(t *testing.T) {
	for _, c := range []badCase{
		{"another document", "<pool/>", `
1 pool: the root element is <pool>, not <secret>
`},
		{"all at once", `<secret ephemeral='maybe'
		private='1'>
	<uuid>x</uuid>
	<description>&#127;</description>
	<usage type='ceph'/>
</secret>`, `
1 @ephemeral: "maybe" is not one of yes, no
1 @private: "1" is not one of yes, no
3 uuid: "x" is not a uuid
4 description: "\x7f" contains a control character, U+007F
5 usage/name: missing: what the secret is for
`},
		{"another usage", "<secret>\n<usage type='wifi'>\n<name>x</name></usage></secret>", `
2 usage/@type: "wifi" is not one of none, volume, ceph, iscsi, tls, vtpm, cifs
`},
		{"no type of usage", "<secret>\n<usage>\n<name>x</name></usage></secret>", `
2 usage/@type: missing; it is one of none, volume, ceph, iscsi, tls, vtpm, cifs
`},
		{"what is of another usage", "<secret><usage type='volume'>\n<volume>/x</volume>\n<name>x</name></usage></secret>", `
warning 3 usage/name: unknown element, ignored
`},
		{"usage of several lines", "<secret><usage type='ceph'><name>a\nb</name></usage></secret>", `
1 usage/name: "a\nb" contains a control character, U+000A
`},
		{"YAML", "private: perhaps\nusage:\n  type: iscsi\nvalue: aGVsbG8=\n", `
1 private: "perhaps" is neither yes nor no
3 usage.target: missing: what the secret is for
4 value: unknown key; known are uuid, description, ephemeral, private, usage
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, warnings, err := ReadSecret("secret", []byte(c.document), false)
			c.check(t, warnings, err)
		})
	}
}

// FuzzSecret checks that printing and reading a definition that has no problems does not change it.
func FuzzSecret(f *testing.F) {
	for _, d := range secretDocuments {
		f.Add([]byte(d.xml))
		f.Add([]byte(d.yaml))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := ReadSecret("fuzz", data, false)
		if err != nil {
			if len(problemsOf(err)) == 0 {
				t.Errorf("%#v", err)
			}
			return
		}
		printed := SecretElement(s).String()
		if read := readSecret(t, "printed.xml", printed); !reflect.DeepEqual(s, read) {
			t.Errorf("printed\n%s\nfrom\n%+v\nread\n%+v", printed, s, read)
		}
	})
}
