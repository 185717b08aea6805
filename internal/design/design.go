// Package design holds what all pages of mailrig share: the colours and the type, as custom properties of CSS. The page
// at the HTTP door loads them with its style sheet; a trial's report and a session that is handed on, which are files
// that load nothing, have them inside.
package design

import _ "embed"

// Tokens is CSS that defines the colours and the type.
//
//go:embed tokens.css
var Tokens string
