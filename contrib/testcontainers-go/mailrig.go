// Package mailrig starts mailrig in a container, by Testcontainers, for tests that can't run it in-process: those of another
// language's program, or beside other containers. Go tests of Go code are faster with package mailtest of mailrig itself.
//
// The image is what "docker build -t mailrig ." makes of mailrig's repository.
//
//	rig, err := mailrig.Run(ctx, "mailrig", mailrig.WithScenario("greylisting"))
//	testcontainers.CleanupContainer(t, rig)
//	address, err := rig.Addr(ctx, 587)
package mailrig

import (
	"context"
	"fmt"
	"strconv"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// httpPort is the page's and the API's.
const httpPort = 8025

// Doors returns the standard ports of mailrig's doors, by which Addr finds them.
func Doors() []int { return []int{25, 2525, 587, 465, 110, 995, 143, 993} }

// Container is a running mailrig.
type Container struct {
	*testcontainers.DockerContainer
}

// Run starts a container of the image and waits, a minute at most, until all doors are open. It returns the container with
// an error too if there is one, so that it can be removed.
func Run(ctx context.Context, image string, options ...testcontainers.ContainerCustomizer) (*Container, error) {
	ports := []string{port(httpPort)}
	for _, door := range Doors() {
		ports = append(ports, port(door))
	}
	all := append([]testcontainers.ContainerCustomizer{testcontainers.WithExposedPorts(ports...), testcontainers.WithWaitStrategy(Ready())}, options...)
	c, err := testcontainers.Run(ctx, image, all...)
	if err != nil {
		err = fmt.Errorf("mailrig: start a container of %s: %w", image, err)
	}
	if c == nil {
		return nil, err
	}
	return &Container{c}, err
}

// Ready is how Run waits: for the first line of mailrig's log, which it prints when every door accepts connections. It
// doesn't ask /readyz, because mailrig refuses requests whose Host isn't its own, and a Docker host may have any name.
func Ready() wait.Strategy {
	return wait.ForLog(`(?m)^mailrig .* is ready$`).AsRegexp()
}

func port(number int) string { return strconv.Itoa(number) + "/tcp" }
