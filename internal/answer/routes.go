package answer

import "net/http"

// Routes are the calls of an API in another program's words, by ServeMux pattern without a method. An API of this kind answers unknown methods
// itself, as that program does. Handlers embed Routes for its methods.
type Routes map[string]Route

// Route is what a path can do, by method.
type Route map[string]http.HandlerFunc

// Operations lists the calls, like "GET /api/v1/messages", in no order.
func (r Routes) Operations() (list []string) {
	for pattern, route := range r {
		for method := range route {
			list = append(list, method+" "+pattern)
		}
	}
	return list
}

// Patterns lists what to mount at a ServeMux, in no order.
func (r Routes) Patterns() (list []string) {
	for pattern := range r {
		list = append(list, pattern)
	}
	return list
}
