package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// list is the value of a flag that may be given several times. Except for passwords, several values may also be
// separated by commas.
type list struct {
	values *[]string
	commas bool
}

func listFlag(fs *pflag.FlagSet, values *[]string, name, usage string) {
	fs.Var(&list{values, true}, name, usage)
}

func (l *list) String() string {
	if l.values == nil {
		return ""
	}
	return strings.Join(*l.values, ",")
}

func (l *list) Type() string { return "list" }

// Set adds the value of one flag.
func (l *list) Set(s string) error {
	if !l.commas {
		*l.values = append(*l.values, s)
		return nil
	}
	for part := range strings.SplitSeq(s, ",") {
		*l.values = append(*l.values, strings.TrimSpace(part))
	}
	return nil
}

// setVariable adds the values in a variable, which are separated by commas or white space.
func (l *list) setVariable(s string) {
	*l.values = append(*l.values, strings.FieldsFunc(s, func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r'
	})...)
}
