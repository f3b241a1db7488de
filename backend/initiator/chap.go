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

// algorithms lists CHAP's algorithms by their numbers (IANA, PPP Authentication Algorithms), in the order of
// the offer. 7 comes last, because tgt confuses it with another algorithm.
var algorithms = []struct {
	number string
	hash   func() hash.Hash
}{{"6", sha1.New}, {"5", md5.New}, {"7", sha256.New}}

// A challenge requires the other side to prove that it knows its secret (RFC 1994; RFC 7143, 12.1.3).
type challenge struct {
	hash func() hash.Hash
	id   byte
	text []byte
}

// checkMethod checks that the target chooses CHAP, the only method that was offered, and offers the
// algorithms.
func (n *negotiation) checkMethod(in answer) (request, step, error) {
	if method := in.value("AuthMethod"); method != "CHAP" {
		err := fmt.Errorf("the target does not ask for the secret: it requests login method %q", method)
		return request{}, nil, err
	}
	if _, err := in.security("AuthMethod"); err != nil {
		return request{}, nil, err
	}
	var numbers []string
	for _, a := range algorithms {
		numbers = append(numbers, a.number)
	}
	return request{
		security, security, [][2]string{{"CHAP_A", strings.Join(numbers, ",")}},
	}, n.answerChallenge, nil
}

// answerChallenge answers the target's challenge. With mutual CHAP, it also challenges the target.
func (n *negotiation) answerChallenge(in answer) (request, step, error) {
	theirs, err := challengeOf(in)
	if err != nil {
		return request{}, nil, err
	}
	pairs := [][2]string{{"CHAP_N", n.User.Name}, {"CHAP_R", hexValue(theirs.proof(n.User.Secret))}}
	if n.Mutual != nil {
		ours := challenge{hash: theirs.hash, id: theirs.id + 1, text: make([]byte, 16)}
		_, _ = rand.Read(ours.text)
		n.proof = ours.proof(n.Mutual.Secret)
		id := strconv.Itoa(int(ours.id))
		pairs = append(pairs, [2]string{"CHAP_I", id}, [2]string{"CHAP_C", hexValue(ours.text)})
	}
	return request{security, operational, pairs}, n.checkProof, nil
}

// checkProof checks the target's proof, if there is mutual CHAP. It rejects a challenge of the target at this
// point: the target could send our own challenge back and use our answer as its proof (RFC 7143, 12.1.3).
func (n *negotiation) checkProof(in answer) (request, step, error) {
	if n.Mutual == nil {
		return n.leaveSecurity(in)
	}
	values, err := in.security("CHAP_N", "CHAP_R")
	if err != nil {
		return request{}, nil, fmt.Errorf("%w: %w", errUnproven, err)
	}
	got, err := binaryValue(values[1])
	if err != nil || values[0] != n.Mutual.Name || subtle.ConstantTimeCompare(got, n.proof) != 1 {
		return request{}, nil, errUnproven
	}
	return n.leaveSecurity(answer{moved: in.moved})
}

var errUnproven = errors.New("the target does not know its own secret (mutual CHAP)")

// challengeOf parses a target's challenge, which must use an algorithm that was offered.
func challengeOf(in answer) (challenge, error) {
	var c challenge
	values, err := in.security("CHAP_A", "CHAP_I", "CHAP_C")
	if err != nil {
		return c, err
	}
	for _, a := range algorithms {
		if a.number == values[0] {
			c.hash = a.hash
		}
	}
	id, err := numericValue(values[1])
	text, errC := binaryValue(values[2])
	if err != nil || errC != nil || c.hash == nil {
		return c, errors.New("the target uses an unknown CHAP algorithm")
	}
	c.id, c.text = id, text
	return c, nil
}

func (c challenge) proof(secret []byte) []byte {
	h := c.hash()
	h.Write([]byte{c.id})
	h.Write(secret)
	h.Write(c.text)
	return h.Sum(nil)
}

// numericValue parses a number of one byte as keys contain it: decimal, or 0x and hexadecimal digits.
func numericValue(text string) (byte, error) {
	base := 10
	if len(text) > 2 && strings.EqualFold(text[:2], "0x") {
		text, base = text[2:], 16
	}
	n, err := strconv.ParseUint(text, base, 8)
	return byte(n), err
}

func hexValue(data []byte) string { return "0x" + hex.EncodeToString(data) }

// binaryValue parses 1 to 1024 bytes as keys contain them: 0x and hexadecimal digits, or 0b and base64.
func binaryValue(text string) (data []byte, err error) {
	if len(text) < 2 {
		return nil, errors.New("no value")
	}
	switch strings.ToLower(text[:2]) {
	case "0x":
		data, err = hex.DecodeString(text[2:])
	case "0b":
		data, err = base64.StdEncoding.DecodeString(text[2:])
	default:
		err = errors.New("neither 0x nor 0b")
	}
	if err == nil && (len(data) == 0 || len(data) > maxBinary) {
		err = fmt.Errorf("a value of %d bytes", len(data))
	}
	return data, err
}
