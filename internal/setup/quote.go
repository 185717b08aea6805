package setup

import (
	"encoding/json"
	"net/url"
	"strings"
	"text/template"
)

// quoting has a function for each syntax in which a snippet names what people chose.
var quoting = template.FuncMap{
	"sh":        shell,
	"string":    quoted,
	"single":    single,
	"mbsync":    func(s string) string { return within(s, `\`, `\\`, `"`, `\"`) },
	"fetchmail": func(s string) string { return within(s, `\`, `\x5c`, `"`, `\x22`) },
	"mutt":      expanding,
	"env":       expanding,
	"dsn":       func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	"property":  func(s string) string { return strings.ReplaceAll(s, `\`, `\\`) },
	"word":      word,
}

// within puts a text into quotation marks. oldnew is that of strings.NewReplacer.
func within(s string, oldnew ...string) string {
	return `"` + strings.NewReplacer(oldnew...).Replace(s) + `"`
}

// expanding is a string of Mutt and of .env files, where $ names a variable and ` a command.
func expanding(s string) string {
	return within(s, `\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")
}

// shell quotes a word for a POSIX shell, if it needs that.
func shell(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// quoted is a string literal of JavaScript, Python, Go and Java.
func quoted(s string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// single is a string literal of PHP and Ruby in which nothing is replaced.
func single(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }

// word is the encryption of a door in the words of most settings screens.
func word(d *Door) string {
	if d.STARTTLS {
		return "STARTTLS"
	}
	return "SSL/TLS"
}
