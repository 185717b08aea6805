// Package design holds what all pages of mailrig share: the colours and the type, as custom properties of CSS, the look of the
// elements, and that of a session's dialogue with its findings. The page at the HTTP door loads them with its style sheet;
// a trial's report and a session that is handed on, which are files that load nothing, have them inside.
package design

import _ "embed"

var (
	// Tokens is CSS that defines the colours and the type.
	//
	//go:embed tokens.css
	Tokens string
	//go:embed base.css
	base string
	//go:embed dialogue.css
	dialogue string
	//go:embed file.css
	file string
)

// Sheet is CSS for any page: the tokens, the elements and the dialogue.
func Sheet() string { return Tokens + base + dialogue }

// FileSheet is CSS for a page that is a file: Sheet, and a sheet of paper's width.
func FileSheet() string { return Sheet() + file }

// Sign is the sign of a finding's severity. Colour alone says nothing to some people.
func Sign(severity string) string {
	if sign, ok := map[string]string{"error": "✖", "warning": "⚠", "info": "ℹ"}[severity]; ok {
		return sign
	}
	return "✓"
}
