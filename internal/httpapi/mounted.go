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
