package netfs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// login returns a credentials file for mount.cifs(8). The user name can include a domain: DOMAIN\user.
func (b *Backend) login(auth *pooldef.Auth) (host.Input, error) {
	password, err := b.Secrets.SecretValue(auth.Secret, "cifs")
	if err != nil {
		return host.Input{}, err
	}
	if bytes.ContainsAny(password, "\n\x00") {
		return host.Input{}, errors.New("the password has more than one line, which mount.cifs cannot read")
	}
	user := "username=" + auth.Username + "\n"
	if domain, name, ok := strings.Cut(auth.Username, `\`); ok {
		user = "username=" + name + "\ndomain=" + domain + "\n"
	}
	file := b.Secrets.SecretFile(auth.Secret, "cifs")
	read := "cat"
	if strings.HasSuffix(file, ".base64") {
		read = "base64 -d"
	}
	plain := strings.NewReplacer(`\`, `\\`, "$", `\$`, "`", "\\`").Replace(user)
	return host.Input{Heredoc: fmt.Sprintf("%spassword=$(%s %s)", plain, read, shell.Quote(file)),
		Data: append([]byte(user+"password="), password...)}, nil
}
