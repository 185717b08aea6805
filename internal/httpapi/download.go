package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// download answers with bytes that came by mail. They may be made to attack whoever looks at them, so a browser saves
// them instead of showing them; if it shows them all the same, it runs no script and knows no origin.
func download(w http.ResponseWriter, kind, name string, content []byte) {
	if _, _, err := mime.ParseMediaType(kind); err != nil || strings.Count(kind, "/") != 1 {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(name))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
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
