package httpapi

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/openapi"
)

// TestDescription checks that the OpenAPI document is in order, and has exactly the resources that there are, besides those that
// are mounted. Package server checks these.
func TestDescription(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Load(Description())
	if err != nil {
		t.Fatal(err)
	}
	var real []string
	for pattern := range maps.Keys((&api{}).resources()) {
		real = append(real, strings.TrimSuffix(pattern, "{$}"))
	}
	slices.Sort(real)
	described := slices.DeleteFunc(doc.Operations(), func(operation string) bool {
		return slices.ContainsFunc(doc.Tags(operation), func(tag string) bool { return tag == "mailpit" || tag == "mailhog" })
	})
	if !slices.Equal(real, described) {
		t.Errorf("openapi.yaml has\n%s\nand there is\n%s", strings.Join(described, "\n"), strings.Join(real, "\n"))
	}
}
