package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"github.com/mailrig/mailrig/internal/answer"
)

// download answers with bytes that came by mail. A browser saves them instead of showing them.
func download(w http.ResponseWriter, kind, name string, content []byte) {
	w.Header().Set("Content-Disposition", disposition(name))
	answer.Hostile(w, kind, content)
}

// disposition returns a Content-Disposition that makes a browser save a file. The name comes from the mail, so only its
// last element is used.
func disposition(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if text := mime.FormatMediaType("attachment", map[string]string{"filename": name}); name != "" && text != "" {
		return text
	}
	return "attachment"
}
