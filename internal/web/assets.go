package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/mailrig/mailrig/internal/design"
)

//go:embed assets
var assetFiles embed.FS

// assets are the files that views load, by the name under which they are served: it contains a part of the content's
// checksum, so that a browser can keep them.
type assets struct {
	served map[string][]byte
	names  map[string]string // by the name in assets/
}

var files = sync.OnceValue(func() assets {
	a := assets{map[string][]byte{}, map[string]string{}}
	for _, name := range []string{"style.css", "page.js", "icon.svg"} {
		content, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // the binary was built wrongly: a test would have failed
		}
		if name == "style.css" {
			content = append([]byte(design.Sheet()), content...)
		}
		sum := sha256.Sum256(content)
		kind := path.Ext(name)
		a.names[name] = strings.TrimSuffix(name, kind) + "." + hex.EncodeToString(sum[:6]) + kind
		a.served[a.names[name]] = content
	}
	return a
})

func assetPath(name string) string { return "/assets/" + files().names[name] }

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func (p *Page) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := files().served[name]
	if !ok {
		p.fail(w, r, errMissing("There is no such file. Reload the page."))
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content)
}
