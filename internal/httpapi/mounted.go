package httpapi

import "net/http"

// Mounted is a handler of some paths: the page, or what answers in another program's words. It answers every method itself.
// It is behind the same checks as the rest.
type Mounted interface {
	http.Handler
	Patterns() []string // for a ServeMux, without a method
}

// mount adds a handler of other paths. It gets few large bodies at a time.
func (a *api) mount(m Mounted) {
	for _, pattern := range m.Patterns() {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && (r.ContentLength < 0 || r.ContentLength > maxBody) {
				select {
				case a.uploads <- struct{}{}:
					defer func() { <-a.uploads }()
				case <-r.Context().Done():
					return
				}
			}
			m.ServeHTTP(w, r)
		})
	}
}

// mountIssuer adds the issuer's paths. They have a mux of their own: with a tenant of any name they would contradict others.
func (a *api) mountIssuer(m Mounted) {
	for _, pattern := range m.Patterns() {
		a.issuers.Handle(pattern, m)
	}
}

// isIssuers reports whether a request is for the issuer.
func (a *api) isIssuers(r *http.Request) bool {
	_, pattern := a.issuers.Handler(r)
	return pattern != ""
}
