package issuer

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"sync"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS []byte

// page is parsed when it is first shown.
var page = sync.OnceValue(func() *template.Template { return template.Must(template.New("sign-in").Parse(pageHTML)) })

// submit sends a form without a click, for response_mode=form_post. The page's policy allows exactly this script.
const submit = `document.forms[0].submit()`

// view is what a page of the issuer shows.
type view struct {
	Title   string
	Problem string

	Client string   // who asks
	Scope  []string // for what
	User   string   // the name that is filled in
	Anyone bool     // any name and any password do
	MFA    bool
	Action string // where the sign-in form goes; "" means that there is none

	Device   string // the code of a device that is asked about
	AskCode  bool   // the page asks for the code of a device
	Code     string // to copy
	Post     string // where the outcome is posted
	Fields   url.Values
	Finished string

	formAction string // source list for form-action
}

// Submit is the script of a page with Post.
func (view) Submit() template.JS { return submit }

// show writes a page.
func (i *Issuer) show(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := page().Execute(&b, v); err != nil {
		i.broken(w, err)
		return
	}
	policy := "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
	if v.formAction != "" {
		policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action " + v.formAction
	}
	if v.Post != "" {
		sum := sha256.Sum256([]byte(submit))
		policy += "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers send Origin: null with the form
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(pageCSS)
}
