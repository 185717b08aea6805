package web

import "github.com/mailrig/mailrig/scenarios"

// catalogue is mailrig's own scenarios.
type catalogue struct {
	list []*scenarios.Scenario
}

// readCatalogue reads the catalogue, which takes some time.
func readCatalogue() *catalogue { return &catalogue{scenarios.All()} }
