package mailrig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"
)

// place is where a container's ports are. A *testcontainers.DockerContainer is one.
type place interface {
	Host(ctx context.Context) (string, error)
	MappedPort(ctx context.Context, port string) (network.Port, error)
}

// Addr returns the address of the door with this standard port, such as "localhost:32768" for 587.
func (c *Container) Addr(ctx context.Context, door int) (string, error) { return addr(ctx, c, door) }

// HTTP returns the base of the page's and the API's URLs, such as "http://localhost:32769".
func (c *Container) HTTP(ctx context.Context) (string, error) { return base(ctx, c) }

// CA returns the certificate of the rig's CA, in PEM form.
func (c *Container) CA(ctx context.Context) ([]byte, error) { return ca(ctx, c) }

// TLS returns a configuration that trusts the rig for the name "localhost", wherever the container is.
func (c *Container) TLS(ctx context.Context) (*tls.Config, error) { return trust(ctx, c) }

// User returns the name and the password with which to log in: of the first user that was given, or of one that anybody may be.
func (c *Container) User(ctx context.Context) (name, password string, err error) {
	inspected, err := c.Inspect(ctx)
	if err != nil {
		return "", "", fmt.Errorf("mailrig: inspect the container: %w", err)
	}
	name, password = firstUser(inspected.Config.Env)
	return name, password, nil
}

// Environ returns the variables that "mailrig run" gives a command, for a program that a test starts: MAILRIG_HOST, MAILRIG_PORT_25 and
// so on, MAILRIG_HTTP, MAILRIG_USER, MAILRIG_PASSWORD. MAILRIG_CA_FILE isn't among them: write what CA returns to a file of your own.
func (c *Container) Environ(ctx context.Context) ([]string, error) {
	name, password, err := c.User(ctx)
	if err != nil {
		return nil, err
	}
	return environ(ctx, c, name, password)
}

// firstUser finds the first user in a container's variables.
func firstUser(env []string) (name, password string) {
	for _, variable := range env {
		if users, ok := strings.CutPrefix(variable, "MAILRIG_USER="); ok && users != "" {
			first, _, _ := strings.Cut(users, " ")
			name, password, _ = strings.Cut(first, ":")
			return name, password
		}
	}
	return "alice@example.test", "secret"
}

func addr(ctx context.Context, p place, door int) (string, error) {
	host, err := p.Host(ctx)
	if err != nil {
		return "", fmt.Errorf("mailrig: the container's host: %w", err)
	}
	at, err := p.MappedPort(ctx, port(door))
	if err != nil {
		return "", fmt.Errorf("mailrig: the container's port %d: %w", door, err)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(at.Num()))), nil
}

func base(ctx context.Context, p place) (string, error) {
	address, err := addr(ctx, p, httpPort)
	if err != nil {
		return "", err
	}
	return "http://" + address, nil
}

// maxCA is more bytes than the certificate of a CA ever has.
const maxCA = 64 << 10

func ca(ctx context.Context, p place) ([]byte, error) {
	url, err := base(ctx, p)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/ca.pem", nil)
	if err != nil {
		return nil, fmt.Errorf("mailrig: %w", err)
	}
	request.Host = "localhost" // whatever the Docker host's name is; see Ready
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("mailrig: get the CA: %w", err)
	}
	defer answer.Body.Close()
	pem, err := io.ReadAll(io.LimitReader(answer.Body, maxCA))
	if err != nil {
		return nil, fmt.Errorf("mailrig: get the CA: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("mailrig: get the CA: %s: %s", answer.Status, pem)
	}
	return pem, nil
}

func trust(ctx context.Context, p place) (*tls.Config, error) {
	pem, err := ca(ctx, p)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("mailrig: what /ca.pem answers isn't a certificate")
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}, nil
}

func environ(ctx context.Context, p place, user, password string) ([]string, error) {
	host, err := p.Host(ctx)
	if err != nil {
		return nil, fmt.Errorf("mailrig: the container's host: %w", err)
	}
	env := []string{"MAILRIG_HOST=" + host, "MAILRIG_USER=" + user, "MAILRIG_PASSWORD=" + password}
	for _, door := range Doors() {
		at, err := p.MappedPort(ctx, port(door))
		if err != nil {
			return nil, fmt.Errorf("mailrig: the container's port %d: %w", door, err)
		}
		env = append(env, fmt.Sprintf("MAILRIG_PORT_%d=%d", door, at.Num()))
	}
	http, err := base(ctx, p)
	if err != nil {
		return nil, err
	}
	return append(env, "MAILRIG_HTTP="+http), nil
}
