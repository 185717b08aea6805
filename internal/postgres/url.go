package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// IsURL reports whether a text is meant as the URL of a PostgreSQL database.
func IsURL(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && (scheme == "postgres" || scheme == "postgresql")
}

// CheckURL returns an error if this can't be the URL of a database. It connects to nothing, and its error doesn't have the
// URL, which may have a password.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !IsURL(text):
		return errors.New("the URL of the database can't be read; give one such as postgres://user:password@host:5432/database, with %XX for special characters in the password")
	case strings.Trim(u.Path, "/") == "":
		return fmt.Errorf("the URL %s names no database; give one such as postgres://user:password@host:5432/database", Masked(text))
	}
	if _, err := pgxpool.ParseConfig(text); err != nil {
		return fmt.Errorf("the URL %s can't be used; give one such as postgres://user:password@host:5432/database (%s)", Masked(text), reason(err))
	}
	return nil
}

// reason returns why a URL can't be used, without the URL.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+3:]
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, "failed to "), " ()")
}

// Masked returns a URL without its password and its parameters, to be shown to people.
func Masked(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && u.Path == "" {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://…"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		shown.User = url.User(name)
	}
	if shown.Host == "" {
		shown.Host = socketOf(u)
	}
	return shown.String()
}

// socketOf returns the folder of a Unix socket, which a URL has as a parameter.
func socketOf(u *url.URL) string {
	host := u.Query().Get("host")
	if port := u.Query().Get("port"); port != "" {
		return net.JoinHostPort(host, port)
	}
	return host
}

// parse turns a URL into the configuration of a pool, with bounds where the URL has none.
func parse(text string) (*pgxpool.Config, error) {
	if err := CheckURL(text); err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, errors.New(reason(err))
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if !u.Query().Has("pool_max_conns") {
		cfg.MaxConns = maxConnections
	}
	if !u.Query().Has("connect_timeout") {
		cfg.ConnConfig.ConnectTimeout = connectTime
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "mailrig"
	}
	cfg.MaxConnIdleTime, cfg.HealthCheckPeriod = idleTime, checkIdleEvery
	return cfg, nil
}
