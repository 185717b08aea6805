package httpapi

import (
	"net/http"
	"path"
)

// cleanPath makes the mux see /api/v1/doors when a client sends //api//v1/doors/, because it joins a base URL and a
// path carelessly. The mux alone would answer with a redirect, which makes many clients turn a PUT into a GET.
func cleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path {
			u := *r.URL
			u.Path, u.RawPath = clean, ""
			r2 := *r
			r2.URL = &u
			r = &r2
		}
		next.ServeHTTP(w, r)
	})
}
