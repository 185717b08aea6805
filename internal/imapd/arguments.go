package imapd

import (
	"bytes"
	"errors"
	"strconv"
)

// Value is an argument of a command (RFC 9051 section 4).
type Value struct {
	Kind Kind
	Text string  // of an atom or a string
	List []Value // of a list
}

// Kind says what a Value is.
type Kind int

// The kinds. NIL is an Atom, because only the command knows whether it means "nothing".
const (
	Atom   Kind = iota // includes numbers, flags and sequence sets
	String             // quoted, or a literal
	List
)

// maxNesting is how deep lists may be nested.
const maxNesting = 32

// parseArguments parses a command's arguments, which have no line end behind them. A literal stands in them as it came
// over the wire.
func parseArguments(b []byte) ([]Value, error) {
	p := &arguments{rest: b}
	values, err := p.list(0)
	if err == nil && len(p.rest) > 0 {
		err = errors.New("a parenthesis is closed that isn't open")
	}
	return values, err
}

type arguments struct{ rest []byte }

// list parses values separated by single spaces, up to the end or a closing parenthesis.
func (p *arguments) list(depth int) (values []Value, err error) {
	for len(p.rest) > 0 && p.rest[0] != ')' {
		if len(values) > 0 {
			if p.rest[0] != ' ' {
				return nil, errors.New("a space is missing between two arguments")
			}
			p.rest = p.rest[1:]
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func (p *arguments) value(depth int) (Value, error) {
	switch {
	case len(p.rest) == 0:
		return Value{}, errors.New("an argument is missing")
	case p.rest[0] == '"':
		return p.quoted()
	case p.rest[0] == '{':
		return p.literal()
	case p.rest[0] == '(':
		if depth == maxNesting {
			return Value{}, errors.New("too many parentheses in one another")
		}
		p.rest = p.rest[1:]
		values, err := p.list(depth + 1)
		if err != nil {
			return Value{}, err
		}
		if len(p.rest) == 0 {
			return Value{}, errors.New("a parenthesis isn't closed")
		}
		p.rest = p.rest[1:]
		return Value{Kind: List, List: values}, nil
	}
	n := bytes.IndexAny(p.rest, " ()\"{\r\n\x00")
	if n < 0 {
		n = len(p.rest)
	}
	if n == 0 {
		return Value{}, errors.New("an argument is missing")
	}
	v := Value{Text: string(p.rest[:n])}
	p.rest = p.rest[n:]
	return v, nil
}

func (p *arguments) quoted() (Value, error) {
	var out []byte
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return Value{Kind: String, Text: string(out)}, nil
		case '\\':
			if i++; i == len(p.rest) || p.rest[i] != '\\' && p.rest[i] != '"' {
				return Value{}, errors.New(`a backslash in a quoted string stands before a backslash or a quote`)
			}
			out = append(out, p.rest[i])
		case '\r', '\n', 0:
			return Value{}, errors.New("a quoted string has a line end or NUL in it")
		default:
			out = append(out, c)
		}
	}
	return Value{}, errors.New("a quoted string isn't closed")
}

// literal parses {n} or {n+}, CRLF and n bytes (RFC 9051 section 4.3, RFC 7888).
func (p *arguments) literal() (Value, error) {
	head, rest, ok := bytes.Cut(p.rest, []byte("}\r\n"))
	if !ok {
		return Value{}, errors.New("a literal is announced and doesn't come")
	}
	n, err := strconv.ParseUint(string(bytes.TrimSuffix(head[1:], []byte("+"))), 10, 32)
	if err != nil || n > uint64(len(rest)) {
		return Value{}, errors.New("a literal is shorter than it was announced")
	}
	p.rest = rest[n:]
	return Value{Kind: String, Text: string(rest[:n])}, nil
}
