package initiator

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// algorithms are CHAP's, by their numbers (IANA, PPP Authentication Algorithms), in the order in which they are offered: 7 comes last, as
// tgt takes it for another than it is.
var algorithms = []struct {
	number string
	hash   func() hash.Hash
}{{"6", sha1.New}, {"5", md5.New}, {"7", sha256.New}}

// A challenge is what each side asks the other to prove that it knows the secret (RFC 1994; RFC 7143, 12.1.3).
type challenge struct {
	user, mutual *User
	hash         func() hash.Hash
	asked        []byte // of the target, for the other direction
	id           byte
}

func newChallenge(l Login) *challenge { return &challenge{user: l.User, mutual: l.Mutual} }

// answer returns what to say next in the stage of security, and whether it goes on from there.
func (c *challenge) answer(said [][2]string) (next byte, pairs [][2]string, err error) {
	values := map[string]string{}
	for _, p := range said {
		values[p[0]] = p[1]
	}
	switch {
	case values["CHAP_C"] != "":
		pairs, err = c.respond(values)
		return operational, pairs, err
	case values["AuthMethod"] == "CHAP":
		var numbers []string
		for _, a := range algorithms {
			numbers = append(numbers, a.number)
		}
		return security, [][2]string{{"CHAP_A", strings.Join(numbers, ",")}}, nil
	}
	return 0, nil, fmt.Errorf("the target does not ask for the secret: it wants to log in by %q", values["AuthMethod"])
}

func (c *challenge) respond(values map[string]string) ([][2]string, error) {
	for _, a := range algorithms {
		if a.number == values["CHAP_A"] {
			c.hash = a.hash
		}
	}
	id, err := strconv.ParseUint(values["CHAP_I"], 0, 8)
	asked, errC := binaryValue(values["CHAP_C"])
	if err != nil || errC != nil || c.hash == nil {
		return nil, errors.New("the target asks for the secret in a way that is not known")
	}
	pairs := [][2]string{{"CHAP_N", c.user.Name}, {"CHAP_R", "0x" + hex.EncodeToString(c.proof(byte(id), c.user.Secret, asked))}}
	if c.mutual != nil {
		c.asked = make([]byte, 16)
		_, _ = rand.Read(c.asked)
		c.id = byte(id) + 1
		pairs = append(pairs, [2]string{"CHAP_I", strconv.Itoa(int(c.id))}, [2]string{"CHAP_C", "0x" + hex.EncodeToString(c.asked)})
	}
	return pairs, nil
}

func (c *challenge) proof(id byte, secret, asked []byte) []byte {
	h := c.hash()
	h.Write([]byte{id})
	h.Write(secret)
	h.Write(asked)
	return h.Sum(nil)
}

// isProven returns nil if the target has shown that it knows its secret, where it has to.
func (c *challenge) isProven(said [][2]string) error {
	if c.mutual == nil {
		return nil
	}
	var name string
	var got []byte
	for _, p := range said {
		switch p[0] {
		case "CHAP_N":
			name = p[1]
		case "CHAP_R":
			got, _ = binaryValue(p[1])
		}
	}
	if c.hash == nil || name != c.mutual.Name || subtle.ConstantTimeCompare(got, c.proof(c.id, c.mutual.Secret, c.asked)) != 1 {
		return errors.New("the target does not know its own secret (mutual CHAP)")
	}
	return nil
}

// binaryValue reads bytes as they are written in keys: 0x and hexadecimal digits, or 0b and base64.
func binaryValue(text string) ([]byte, error) {
	if len(text) < 2 {
		return nil, errors.New("no value")
	}
	switch strings.ToLower(text[:2]) {
	case "0x":
		return hex.DecodeString(text[2:])
	case "0b":
		return base64.StdEncoding.DecodeString(text[2:])
	}
	return nil, errors.New("neither 0x nor 0b")
}
