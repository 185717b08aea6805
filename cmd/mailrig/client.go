package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/server"
)

// client talks to the HTTP door of a running mailrig.
type client struct {
	base  string
	http  *http.Client
	login *server.HTTPLogin // nil: none
}

const answerTime = 15 * time.Second

// httpFlag adds the flags with which a command finds the running mailrig and logs in there.
func (a *app) httpFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "http", server.DefaultHTTP, "`address` of the running mailrig's web page")
	cmd.Flags().Var(&list{values: &a.httpAuth}, "http-auth", "log in there with `name:password`, if it was started with --http-auth")
}

// httpLoginOf chooses the login for a command. The variable may hold all that the running mailrig was started with.
func (a *app) httpLoginOf() (login *server.HTTPLogin, err error) {
	for _, s := range a.httpAuth {
		l, err := a.httpLogin(s)
		if err != nil {
			return nil, err
		}
		if login == nil || login.ReadOnly {
			login = &l
		}
	}
	return login, nil
}

// connect parses the value of --http: what serve takes, or a URL.
func (a *app) connect(address string) (*client, error) {
	addr, err := listenAddress(address)
	if err != nil {
		return nil, usage("%s: %w", a.source("http"), err)
	}
	if addr == "off" {
		return nil, usage("%s is off, but commands reach a running mailrig by its web address; give that address", a.source("http"))
	}
	// A server that listens on all addresses is reached on loopback.
	host, port, _ := net.SplitHostPort(addr)
	login, err := a.httpLoginOf()
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return &client{
		base:  "http://" + net.JoinHostPort(host, port),
		login: login,
		http: &http.Client{
			// Never through a proxy: it is this machine, or a container on it.
			Transport:     &http.Transport{Proxy: nil, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// apiError is an error that mailrig answered with.
type apiError struct {
	status int
	Main   string   `json:"error"`
	All    []string `json:"errors"`
}

func (e *apiError) Error() string {
	if len(e.All) > 0 {
		return strings.Join(e.All, "\n")
	}
	return e.Main
}

// reader reads an answer piece by piece; see do.
type reader func(*json.Decoder) error

// do sends a request and reads the answer: as JSON into out; if out is a *[]byte, as bytes; if it is a reader, by that.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return usage("%w", err)
	}
	if c.login != nil {
		req.SetBasicAuth(c.login.Name, c.login.Password)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return c.refused(resp)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case reader:
		if err = out(json.NewDecoder(resp.Body)); err != nil && ctx.Err() == nil && !errors.Is(err, errPrint) {
			return notStarted("what answers at %s isn't a mailrig (%w); say where it is with --http or MAILRIG_HTTP", c.base, err)
		} else if errors.Is(err, errPrint) {
			return err
		}
	case *[]byte:
		*out, err = io.ReadAll(resp.Body)
	default:
		if err = json.NewDecoder(resp.Body).Decode(out); err != nil && ctx.Err() == nil {
			return notStarted("what answers at %s isn't a mailrig (%w); say where it is with --http or MAILRIG_HTTP", c.base, err)
		}
	}
	if err != nil {
		return c.unreachable(err)
	}
	return nil
}

func (c *client) refused(resp *http.Response) error {
	e := &apiError{status: resp.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if json.Unmarshal(text, e) == nil && e.Main != "" {
		return e
	}
	e.Main = fmt.Sprintf("%s answered %s", c.base, resp.Status)
	if resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusMisdirectedRequest {
		e.Main += ": " + strings.TrimSpace(printable(string(text)))
	} else {
		e.Main += "; it may not be a mailrig: say where it is with --http or MAILRIG_HTTP"
	}
	return e
}

// unreachable says why nothing answers. It leaves out the URL that net/http puts first.
func (c *client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var syscallErr *os.SyscallError
	if errors.As(err, &syscallErr) {
		err = syscallErr.Err // "connection refused", without repeating the address
	}
	return notStarted("no mailrig answers at %s (%w); start one with `mailrig serve`, or say where it is with --http or MAILRIG_HTTP", c.base, err)
}
