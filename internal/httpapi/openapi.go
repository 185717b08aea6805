package httpapi

import (
	_ "embed"
	"net/http"
)

// description describes the API (OpenAPI 3.1). Tests check every answer against it.
//
//go:embed openapi.yaml
var description []byte

// Description returns the OpenAPI document that is served at /openapi.yaml.
func Description() []byte { return description }

func (a *api) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(description)
}
