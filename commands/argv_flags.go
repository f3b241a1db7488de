package commands

import (
	"strings"

	"github.com/alecthomas/kong"
)

// flag adds an option to the output, with its value in the same word.
func (p *argvParser) flag(flag *kong.Flag, word, value string, hasValue bool) error {
	if p.seen[flag.Name] && !flag.IsSlice() && !flag.IsBool() {
		return p.asVirsh("option --%s already seen", flag.Name).fail("the option --%s is given twice", flag.Name)
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[flag.Name] = true
	if flag.IsBool() && !strings.HasPrefix(word, "--") && hasValue { // -qr means -q -r
		p.rest = append([]string{"-" + value}, p.rest...)
		hasValue, value = false, ""
	}
	if flag.Name == "version" && (value == "short" || value == "long") { // virsh has both
		value = ""
	}
	if flag.Tag.Has("kept") {
		return p.keep(flag, value)
	}
	if flag.IsBool() {
		p.out = append(p.out, strings.TrimSuffix("--"+flag.Name+"="+value, "="))
		return nil
	}
	if !hasValue {
		if len(p.rest) == 0 {
			return p.asVirsh(needsValue, flag.Name).fail("the option --%s needs a value", flag.Name)
		}
		value = p.next()
	}
	if value == "" {
		return p.asVirsh(isEmpty, flag.Name).fail("the value of --%s is empty", flag.Name)
	}
	p.out = append(p.out, "--"+flag.Name+"="+value)
	return nil
}

// keep adds an option that cannot be switched off again, because a sudo rule may begin with it. keep omits
// values that mean no, so that an earlier option or an environment variable stays in effect.
func (p *argvParser) keep(flag *kong.Flag, value string) error {
	switch strings.ToLower(value) {
	case "", "true", "1", "yes":
		p.out = append(p.out, "--"+flag.Name)
	case "false", "0", "no":
	default:
		return p.fail("the value of --%s is true or false, not %q", flag.Name, value)
	}
	return nil
}
