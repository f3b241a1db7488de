package iscsi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"poolctl/backend"
	"poolctl/backend/initiator"
	"poolctl/pooldef"
)

// checkLogin returns an error if a definition's login is not one for iSCSI targets. a may be nil.
func checkLogin(a *pooldef.Auth) error {
	if a == nil || a.Type == "chap" {
		return nil
	}
	return pooldef.Problems{{
		Element: "source/auth/@type",
		Text:    fmt.Sprintf("%q: iSCSI targets support only chap logins", a.Type),
	}}
}

// usersOf returns the user with which a pool logs in, and the user that the target must prove to be. Either
// is nil if the definition does not name one.
func usersOf(a *pooldef.Auth, secrets backend.Secrets) (user, mutual *initiator.User, err error) {
	if a == nil {
		return nil, nil, nil
	}
	if err := checkLogin(a); err != nil {
		return nil, nil, err
	}
	value, err := secrets.SecretValue(a.Secret, "iscsi")
	if err != nil {
		return nil, nil, err
	}
	user = &initiator.User{Name: a.Username, Secret: value}
	if a.Mutual == nil {
		return user, nil, nil
	}
	if value, err = secrets.SecretValue(a.Mutual.Secret, "iscsi"); err != nil {
		return nil, nil, err
	}
	// else, anyone who can make us answer a challenge could pose as the target (RFC 7143, 12.1.3)
	if bytes.Equal(user.Secret, value) {
		return nil, nil, errors.New("the target's secret equals the initiator's: mutual CHAP " +
			"requires different secrets")
	}
	return user, &initiator.User{Name: a.Mutual.Username, Secret: value}, nil
}

// chapLines returns the lines of a node record for a login with CHAP.
func chapLines(a *pooldef.Auth, secrets backend.Secrets) ([]string, error) {
	user, mutual, err := usersOf(a, secrets)
	if user == nil || err != nil {
		return nil, err
	}
	lines := []string{"node.session.auth.authmethod = CHAP"}
	for _, side := range []struct {
		suffix string
		user   *initiator.User
	}{{"", user}, {"_in", mutual}} {
		if side.user == nil {
			continue
		}
		for _, text := range []string{side.user.Name, string(side.user.Secret)} {
			if text == "" || text != strings.TrimSpace(text) || strings.ContainsAny(text, "\n\r\x00") ||
				len(text) > 255 {
				return nil, errors.New(
					"open-iscsi cannot store the CHAP user or secret: it is empty, longer than 255 " +
						"bytes, or has a newline " +
						"or outer blanks",
				)
			}
		}
		lines = append(lines, "node.session.auth.username"+side.suffix+" = "+side.user.Name,
			"node.session.auth.password"+side.suffix+" = "+string(side.user.Secret))
	}
	return lines, nil
}
